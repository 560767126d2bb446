//! Markdown as people write it to HTML that is safe to show: GitHub's flavour, sanitised after rendering.
//!
//! Raw HTML is shown as the text that it is. Images become links, so that reading a post fetches nothing from elsewhere and tells
//! nobody who reads. Headings start at the third level, below those of the page. What is nested beyond all sense is shown as it was
//! typed, because sanitising it would take long.

use ammonia::UrlRelative;
use comrak::arena_tree::NodeEdge;
use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, format_html, parse_document};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

/// How many levels of quotes, lists and emphasis lie within each other at most.
const DEEPEST: usize = 60;
/// The level of the first heading in a text; the page has the first and the second.
const FIRST_HEADING: u8 = 3;

/// How many bytes of texts that were rendered are kept, with about twice as much of HTML.
const KEPT: u64 = 4 * 1024 * 1024;

/// What was rendered lately, by the text.
static RENDERED: LazyLock<moka::sync::Cache<String, Arc<str>>> = LazyLock::new(|| {
    let weigher = |text: &String, _: &Arc<str>| u32::try_from(text.len()).unwrap_or(u32::MAX);
    moka::sync::Cache::builder().max_capacity(KEPT).weigher(weigher).build()
});

/// The text as safe HTML, kept for a while: a new post is shown to many at once.
pub fn rendered(markdown: &str) -> Arc<str> {
    if let Some(html) = RENDERED.get(markdown) {
        return html;
    }
    let html: Arc<str> = render(markdown).into();
    RENDERED.insert(markdown.to_owned(), Arc::clone(&html));
    html
}

/// The text as safe HTML.
pub fn render(markdown: &str) -> String {
    let arena = Arena::new();
    let options = options();
    let root = parse_document(&arena, markdown, &options);
    if !prepare(root) {
        return as_typed(markdown);
    }
    let mut html = String::with_capacity(markdown.len() * 2);
    match format_html(root, &options, &mut html) {
        Ok(()) => SANITISER.clean(&html).to_string(),
        Err(_) => as_typed(markdown),
    }
}

fn as_typed(markdown: &str) -> String {
    format!("<pre>{}</pre>", ammonia::clean_text(markdown))
}

fn options() -> Options<'static> {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.tasklist = true;
    options.render.escape = true;
    options.render.github_pre_lang = false;
    options
}

/// Lowers headings, turns images into links and drops HTML comments. False if the tree is too deep to go on with.
fn prepare<'a>(root: &'a AstNode<'a>) -> bool {
    let mut depth = 0_usize;
    for edge in root.traverse() {
        match edge {
            NodeEdge::Start(_) => depth += 1,
            NodeEdge::End(_) => depth -= 1,
        }
        if depth > DEEPEST {
            return false;
        }
    }
    let nodes: Vec<_> = root.descendants().collect();
    for node in nodes {
        let within_link = || node.ancestors().skip(1).any(|above| matches!(above.data.borrow().value, NodeValue::Link(_)));
        let mut drop_it = false;
        let value = node.data.borrow().value.clone();
        match value {
            NodeValue::Heading(mut heading) => {
                heading.level = (heading.level + FIRST_HEADING - 1).min(6);
                node.data.borrow_mut().value = NodeValue::Heading(heading);
            }
            NodeValue::Image(image) if !within_link() => {
                if node.first_child().is_none() {
                    // Without a description its address stands for it.
                    let text = NodeValue::Text(Cow::Owned(image.url.clone()));
                    node.data.borrow_mut().value = text;
                } else {
                    node.data.borrow_mut().value = NodeValue::Link(image);
                }
            }
            // A link within a link is none; what the image says stays.
            NodeValue::Image(_) => {
                while let Some(child) = node.first_child() {
                    node.insert_before(child);
                }
                drop_it = true;
            }
            NodeValue::HtmlBlock(block) => drop_it = is_comment(&block.literal),
            NodeValue::HtmlInline(html) => drop_it = is_comment(&html),
            _ => {}
        }
        if drop_it {
            node.detach();
        }
    }
    true
}

fn is_comment(html: &str) -> bool {
    let html = html.trim();
    html.starts_with("<!--") && html.ends_with("-->")
}

static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "p",
        "br",
        "hr",
        "h3",
        "h4",
        "h5",
        "h6",
        "strong",
        "em",
        "del",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "input",
    ];
    let attributes: HashMap<&str, HashSet<&str>> = HashMap::from([
        ("a", HashSet::from(["href", "title"])),
        ("ol", HashSet::from(["start"])),
        ("th", HashSet::from(["align"])),
        ("td", HashSet::from(["align"])),
        ("code", HashSet::from(["class"])),
        ("input", HashSet::from(["checked"])),
    ]);
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(HashSet::from(tags))
        .tag_attributes(attributes)
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some("nofollow ugc noopener"))
        // The only inputs are the boxes of task lists, which are not to be ticked here.
        .set_tag_attribute_value("input", "type", "checkbox")
        .set_tag_attribute_value("input", "disabled", "")
        .set_tag_attribute_value("input", "aria-label", "Task")
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("code", "class") => value.starts_with("language-").then(|| value.split_whitespace().next().unwrap_or_default().into()),
            _ => Some(value.into()),
        });
    builder
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_speaks_githubs_flavour() {
        assert_eq!(render("**a** ~~b~~ `c`"), "<p><strong>a</strong> <del>b</del> <code>c</code></p>\n");
        let table = render("| a | b |\n|---|--:|\n| 1 | 2 |");
        assert!(table.contains("<table>") && table.contains("<td align=\"right\">2</td>"), "{table}");
        let tasks = render("- [x] done\n- [ ] open");
        assert!(tasks.contains("type=\"checkbox\"") && tasks.contains("checked=\"\"") && tasks.matches("disabled").count() == 2, "{tasks}");
        let code = render("```rust\nfn main() {}\n```");
        assert!(code.contains("<pre><code class=\"language-rust\">"), "{code}");
    }

    #[test]
    fn links_are_marked_as_peoples_own() {
        for text in ["[x](https://example.org/a)", "https://example.org/a"] {
            let html = render(text);
            assert!(html.contains("href=\"https://example.org/a\"") && html.contains("rel=\"nofollow ugc noopener\""), "{html}");
        }
    }

    #[test]
    fn headings_stay_below_the_pages_own() {
        let html = render("# a\n\n## b\n\n###### c\n\nd\n===");
        assert!(
            html.contains("<h3>a</h3>") && html.contains("<h4>b</h4>") && html.contains("<h6>c</h6>") && html.contains("<h3>d</h3>"),
            "{html}"
        );
    }

    #[test]
    fn images_become_links() {
        assert_eq!(
            render("![a plan](https://example.org/p.png)"),
            "<p><a href=\"https://example.org/p.png\" rel=\"nofollow ugc noopener\">a plan</a></p>\n"
        );
        assert_eq!(
            render("[![badge](https://example.org/b.svg)](https://example.org/)"),
            "<p><a href=\"https://example.org/\" rel=\"nofollow ugc noopener\">badge</a></p>\n"
        );
        assert_eq!(render("![](https://example.org/p.png)"), "<p>https://example.org/p.png</p>\n");
    }

    #[test]
    fn raw_html_is_text_and_comments_are_gone() {
        assert_eq!(render("<b onclick=alert(1)>x</b>"), "<p>&lt;b onclick=alert(1)&gt;x&lt;/b&gt;</p>\n");
        assert_eq!(render("a <!-- hint --> b\n\n<!-- block -->"), "<p>a  b</p>\n");
    }

    #[test]
    fn hostile_text_does_nothing() {
        for text in [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](java\nscript:alert(1))",
            "[x](&#106;avascript:alert(1))",
            "[x](data:text/html;base64,PHNjcmlwdD4=)",
            "[x](vbscript:x)",
            "![x](javascript:alert(1))",
            "![x\" onerror=\"alert(1)](https://example.org/x)",
            "[x](https://example.org/\"onmouseover=\"alert(1))",
            "<javascript:alert(1)>",
            "```\"><script>alert(1)</script>\nx\n```",
            "<svg><style><img src=x onerror=alert(1)></style></svg>",
            "<math><mtext></p><script>alert(1)</script>",
            "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
            "<a href=\"https://example.org\" style=\"position:fixed\">x</a>",
            "[a]: javascript:alert(1)\n\n[a]",
            "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        ] {
            assert_harmless(text);
        }
    }

    fn assert_harmless(text: &str) {
        let html = render(text);
        let lower = html.to_lowercase();
        for bad in
            ["<script", "<img", "<iframe", "<svg", "<math", "<style", "<h1", "<h2", "href=\"javascript", "href=\"data", "href=\"vbscript"]
        {
            assert!(!lower.contains(bad), "{text:?} became {html:?}");
        }
        // Whatever looks like a handler stands in text, never within a tag.
        let within_tags: String = html.split('<').filter_map(|part| part.split_once('>').map(|(tag, _)| tag)).collect();
        let unquoted: String = within_tags.split('"').step_by(2).collect();
        assert!(!unquoted.to_lowercase().contains(" on") && !unquoted.contains("style="), "{text:?} became {html:?}");
    }

    #[test]
    fn deep_nesting_is_shown_as_typed() {
        for text in
            [">".repeat(20_000), "- ".repeat(20_000), "*a _b ".repeat(10_000), "[".repeat(60_000), "![".repeat(30_000), "`".repeat(60_000)]
        {
            let html = render(&text);
            assert!(html.len() < 20 * text.len() + 100);
        }
        assert!(render(&format!("{} deep", ">".repeat(200))).starts_with("<pre>&gt;"));
    }

    proptest! {
        #[test]
        fn any_text_is_rendered_harmlessly(text in "[ -~\\n<>\"'()\\[\\]!*_`#|:-]{0,200}") {
            assert_harmless(&text);
        }
    }
}
