//! The difference between two versions of a text, readable: by line, and within a changed line by word.

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It did not change.
    Same(String),
    /// So many lines that did not change are left out.
    Gap(usize),
    /// It is new, or this is how it reads now.
    Added(Vec<Part>),
    /// It is gone, or this is how it read before.
    Removed(Vec<Part>),
}

/// A stretch of a changed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) changed: bool,
    pub(crate) text: String,
}

/// How many unchanged lines are shown around a change.
const CONTEXT: usize = 2;
/// The longest texts compared piece by piece, in pieces: beyond, old and new simply follow each other. The work grows with the square.
const LONGEST: usize = 2_000;

enum Step {
    Keep(usize),
    Remove(usize),
    Add(usize),
}

/// The lines of `after`, with what differs from `before`.
pub(crate) fn between(before: &str, after: &str) -> Vec<Line> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut lines = Vec::new();
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for step in steps(&old, &new) {
        match step {
            Step::Remove(at) => removed.push(old[at]),
            Step::Add(at) => added.push(new[at]),
            Step::Keep(at) => {
                flush(&mut lines, &mut removed, &mut added);
                lines.push(Line::Same(new[at].to_owned()));
            }
        }
    }
    flush(&mut lines, &mut removed, &mut added);
    folded(lines)
}

/// A text as it was first written.
pub(crate) fn whole(text: &str) -> Vec<Line> {
    text.lines().map(|line| Line::Same(line.to_owned())).collect()
}

/// Removed and added lines that face each other are compared word by word.
fn flush(lines: &mut Vec<Line>, removed: &mut Vec<&str>, added: &mut Vec<&str>) {
    let pairs = removed.len().min(added.len());
    for at in 0..pairs {
        let (old, new) = by_word(removed[at], added[at]);
        lines.push(Line::Removed(old));
        lines.push(Line::Added(new));
    }
    let all = |text: &str| vec![Part { changed: true, text: text.to_owned() }];
    lines.extend(removed.drain(..).skip(pairs).map(|line| Line::Removed(all(line))));
    lines.extend(added.drain(..).skip(pairs).map(|line| Line::Added(all(line))));
}

fn by_word(before: &str, after: &str) -> (Vec<Part>, Vec<Part>) {
    let (old, new) = (words(before), words(after));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for step in steps(&old, &new) {
        match step {
            Step::Keep(at) => {
                push(&mut left, false, new[at]);
                push(&mut right, false, new[at]);
            }
            Step::Remove(at) => push(&mut left, true, old[at]),
            Step::Add(at) => push(&mut right, true, new[at]),
        }
    }
    (left, right)
}

fn push(parts: &mut Vec<Part>, changed: bool, text: &str) {
    match parts.last_mut() {
        Some(last) if last.changed == changed => last.text.push_str(text),
        _ => parts.push(Part { changed, text: text.to_owned() }),
    }
}

/// Words with the spaces that follow them.
fn words(line: &str) -> Vec<&str> {
    line.split_inclusive(char::is_whitespace).collect()
}

/// The shortest way from one to the other, by the longest common subsequence.
fn steps(old: &[&str], new: &[&str]) -> Vec<Step> {
    if old.len() > LONGEST || new.len() > LONGEST {
        return (0..old.len()).map(Step::Remove).chain((0..new.len()).map(Step::Add)).collect();
    }
    // common[i][j]: the length of the longest common subsequence of old[i..] and new[j..].
    let width = new.len() + 1;
    let mut common = vec![0u16; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::with_capacity(old.len() + new.len());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            steps.push(Step::Keep(j));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            steps.push(Step::Remove(i));
            i += 1;
        } else {
            steps.push(Step::Add(j));
            j += 1;
        }
    }
    steps
}

/// Leaves out what did not change, except next to changes.
fn folded(lines: Vec<Line>) -> Vec<Line> {
    let changes: Vec<usize> = lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))).map(|(at, _)| at).collect();
    let near = |at: usize| {
        let next = changes.partition_point(|change| *change < at);
        let distance = |change: Option<&usize>| change.map_or(usize::MAX, |change| change.abs_diff(at));
        distance(changes.get(next)).min(distance(next.checked_sub(1).and_then(|before| changes.get(before)))) <= CONTEXT
    };
    let mut shown = Vec::new();
    for (at, line) in lines.into_iter().enumerate() {
        if near(at) {
            shown.push(line);
        } else if let Some(Line::Gap(count)) = shown.last_mut() {
            *count += 1;
        } else {
            shown.push(Line::Gap(1));
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(changed: bool, text: &str) -> Part {
        Part { changed, text: text.to_owned() }
    }

    #[test]
    fn a_changed_word_is_marked_within_its_line() {
        let lines = between("one\nthe old word\nend", "one\nthe new word\nend");
        assert_eq!(
            lines,
            [
                Line::Same("one".into()),
                Line::Removed(vec![part(false, "the "), part(true, "old "), part(false, "word")]),
                Line::Added(vec![part(false, "the "), part(true, "new "), part(false, "word")]),
                Line::Same("end".into()),
            ]
        );
    }

    #[test]
    fn what_did_not_change_is_folded() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8";
        let lines = between(before, &format!("{before}\nnew"));
        assert_eq!(lines, [Line::Gap(6), Line::Same("7".into()), Line::Same("8".into()), Line::Added(vec![part(true, "new")])]);
    }

    #[test]
    fn equal_texts_have_no_change() {
        assert_eq!(between("a", "a"), [Line::Gap(1)]);
        assert_eq!(between("", ""), []);
    }

    #[test]
    fn very_long_texts_follow_each_other() {
        let long = "x\n".repeat(LONGEST + 1);
        assert_eq!(between(&long, "y").len(), LONGEST + 2);
    }
}
