//! The demonstration's content: four communities of two invented departments, with conversations worth reading.
//!
//! Pure data; `hub demo` turns it into commands, so that everything shown went through the same rules as a
//! person's click. All departments, people and systems are invented.

/// Who writes: the department's place and the person's place within it, both from 0, as in
/// [`DEPARTMENTS`](crate::demo::DEPARTMENTS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Writer(pub usize, pub usize);

/// Who may see a community or a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Anyone.
    Public,
    /// Everyone signed in.
    Members,
    /// The community's members.
    Community,
}

/// A category's format, in the words of the wire.
pub type FormatName = &'static str;

/// A community.
#[derive(Clone, Copy, Debug)]
pub struct DemoCommunity {
    /// Its address.
    pub slug: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is about.
    pub subject: &'static str,
    /// Who founded it, for their department.
    pub founder: Writer,
    /// Who may see it.
    pub seen: Seen,
    /// Its charter: clause, text; a text that starts with `TBC` is still to be confirmed.
    pub charter: &'static [(&'static str, &'static str)],
    /// Who joined, as what (`core`, `member`, `interested_party`).
    pub members: &'static [(Writer, &'static str)],
    /// Its categories: address, name, description, format.
    pub categories: &'static [(&'static str, &'static str, &'static str, FormatName)],
    /// Its threads.
    pub threads: &'static [DemoThread],
}

/// A thread.
#[derive(Clone, Copy, Debug)]
pub struct DemoThread {
    /// A key that stays the same whatever else changes; commands are derived from it.
    pub key: &'static str,
    /// The category's address.
    pub category: &'static str,
    /// Who opened it.
    pub author: Writer,
    /// How many hours before the demonstration's first start.
    pub hours_ago: u32,
    /// The title.
    pub title: &'static str,
    /// The opening post.
    pub body: &'static str,
    /// The posts, in order.
    pub posts: &'static [DemoPost],
    /// Who upvoted the thread.
    pub upvotes: &'static [Writer],
    /// What happened to it in the end.
    pub end: End,
}

/// What happened to a thread in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing: it goes on.
    Open,
    /// It was closed as resolved.
    Resolved,
    /// It was locked.
    Locked,
}

/// A post.
#[derive(Clone, Copy, Debug)]
pub struct DemoPost {
    /// Who wrote it.
    pub author: Writer,
    /// How many hours before the demonstration's first start.
    pub hours_ago: u32,
    /// The place of the post it replies to, from 0, unless it is a top-level post.
    pub to: Option<usize>,
    /// The post.
    pub body: &'static str,
    /// Whether it was marked as an answer.
    pub answer: bool,
    /// Who reacted, and how.
    pub reactions: &'static [(Writer, &'static str)],
}

const fn post(author: Writer, hours_ago: u32, body: &'static str) -> DemoPost {
    DemoPost { author, hours_ago, to: None, body, answer: false, reactions: &[] }
}

const fn reply(to: usize, author: Writer, hours_ago: u32, body: &'static str) -> DemoPost {
    DemoPost { author, hours_ago, to: Some(to), body, answer: false, reactions: &[] }
}

const A: Writer = Writer(0, 0);
const B: Writer = Writer(0, 1);
const C: Writer = Writer(0, 2);
const D: Writer = Writer(0, 3);
const E: Writer = Writer(1, 0);
const F: Writer = Writer(1, 1);
const G: Writer = Writer(1, 2);
const H: Writer = Writer(1, 3);

/// Every community of the demonstration.
pub const COMMUNITIES: &[DemoCommunity] = &[SECURE_ENGINEERING, RESILIENCE, OPEN_SOURCE, RESPONDERS];

const SECURE_ENGINEERING: DemoCommunity = DemoCommunity {
    slug: "secure-engineering",
    name: "Secure Engineering Community of Practice",
    subject: "Building and running systems that are assumed to be under attack",
    founder: A,
    seen: Seen::Public,
    charter: &[
        ("purpose", "To help every team design, build and run systems that stay safe when someone tries to break them."),
        (
            "goals",
            "- Share what works, and what did not\n- Give advice when a team asks for it\n- Curate principles, practices and patterns\n- Point to training, and run some ourselves",
        ),
        ("scope", "Secure development, secure operations at scale, and good practice in both. Tools are in scope; procurement is not."),
        ("sponsor", "TBC who will speak for us at the architecture board"),
        ("format", "A backlog that any member can add to, a fortnightly hour to talk through it, and this discussion space in between."),
        ("cadence", "TBC fortnightly suits most, but two teams cannot make Thursdays"),
    ],
    members: &[(B, "core"), (C, "member"), (D, "interested_party"), (E, "core"), (F, "member"), (G, "member"), (H, "interested_party")],
    categories: &[
        ("announcements", "Announcements", "News from the coordinators.", "announcement"),
        ("questions", "Questions and answers", "Ask how others do it. Mark the answer that helped.", "question_and_answer"),
        ("ideas", "Ideas", "What should we work on next? Upvote what you would turn up for.", "idea"),
        ("show-and-tell", "Show and tell", "Something you built, learned or broke.", "open"),
    ],
    threads: &[
        DemoThread {
            key: "signing-images",
            category: "questions",
            author: F,
            hours_ago: 52,
            title: "How do you sign container images without a shared key?",
            body: "We have eleven teams that push to one registry. Today they share **one signing key**, which everyone knows is wrong and nobody wants to own.\n\nWhat I would like:\n\n1. no long-lived key on a build agent,\n2. a deployment that refuses an image nobody vouches for,\n3. something a team can adopt in an afternoon.\n\nHas anyone got there?",
            posts: &[
                DemoPost {
                    author: B,
                    hours_ago: 50,
                    to: None,
                    body: "Yes: keyless signing against our own identity provider. The build job gets a token that lives for ten minutes, a certificate is issued for that job only, and the signature goes into a transparency log.\n\nThe admission check is the part that took longest:\n\n```yaml\npolicy: require-signature\nidentity: https://ci.example/*/release.yml\nissuer: https://login.example\nmode: warn   # we stayed here for three weeks\n```\n\nStart in `warn`, read what it would have refused, then enforce.",
                    answer: true,
                    reactions: &[(F, "heart"), (E, "thumbs_up"), (G, "rocket"), (A, "thumbs_up")],
                },
                reply(0, F, 49, "Three weeks in `warn` is reassuring. What did it find?"),
                reply(
                    0,
                    B,
                    48,
                    "Two images built on laptops, and one from a pipeline that nobody had owned for a year. Both conversations were worth having.",
                ),
                DemoPost {
                    author: G,
                    hours_ago: 30,
                    to: None,
                    body: "We did the same but kept one hardware key for the base images, because those are signed by people, not jobs. Happy to show how the ceremony works.",
                    answer: false,
                    reactions: &[(A, "eyes"), (F, "thumbs_up")],
                },
            ],
            upvotes: &[A, B, E, G],
            end: End::Open,
        },
        DemoThread {
            key: "threat-model-hour",
            category: "ideas",
            author: C,
            hours_ago: 75,
            title: "A one-hour threat modelling workshop for teams that have never done one",
            body: "Most guides assume a day and a facilitator. I think an hour is enough to find the first three things worth fixing:\n\n| minutes | what |\n|---|---|\n| 10 | draw the system, badly |\n| 20 | where does trust change? |\n| 20 | what would you do, if you were angry and patient? |\n| 10 | pick three, give each an owner |\n\nWould your team turn up?",
            posts: &[
                post(
                    E,
                    70,
                    "Ours would. Could we run it with two teams from different departments at once? The questions people ask about somebody else's system are better than the ones they ask about their own.",
                ),
                reply(0, C, 69, "I like that a lot. It also means nobody has to defend their own diagram."),
                post(H, 40, "Please record the drawing part. “Badly” is doing a lot of work in that table and I would like to see it."),
            ],
            upvotes: &[A, B, E, F, G, H],
            end: End::Open,
        },
        DemoThread {
            key: "secure-by-design-wording",
            category: "show-and-tell",
            author: A,
            hours_ago: 120,
            title: "What changed when we wrote “assume it will be attacked” at the top of every design",
            body: "Our design template now opens with one sentence: *this system and its data will be attacked, and one day the attack will succeed. What then?*\n\nAfter twenty designs, the difference is not in the controls people list. It is in the section on **detection**, which used to be empty.\n\n- [x] template changed\n- [x] twenty designs reviewed\n- [ ] compare with the designs of last year\n\nThe last one is open. Help wanted.",
            posts: &[DemoPost {
                author: G,
                hours_ago: 110,
                to: None,
                body: "We have forty designs from before and after a similar change. I will bring the numbers.",
                answer: false,
                reactions: &[(A, "hooray"), (C, "heart")],
            }],
            upvotes: &[E, G],
            end: End::Open,
        },
        DemoThread {
            key: "welcome",
            category: "announcements",
            author: A,
            hours_ago: 240,
            title: "Welcome: how this community works, in five lines",
            body: "1. Ask in **Questions and answers**; mark what helped.\n2. Propose in **Ideas**; upvote what you would turn up for.\n3. Show what you built, learned or broke in **Show and tell**.\n4. Anyone may add to the backlog. Coordinators only tidy it.\n5. The coordinator's post rotates every three months. It could be you.",
            posts: &[post(E, 230, "Glad to be here from the other side of the river.")],
            upvotes: &[B, C, E],
            end: End::Locked,
        },
    ],
};

const RESILIENCE: DemoCommunity = DemoCommunity {
    slug: "shared-resilience",
    name: "Shared Resilience",
    subject: "Keeping services up when the thing they depend on is not ours",
    founder: E,
    seen: Seen::Members,
    charter: &[
        ("purpose", "To learn from each other's outages before we have them ourselves."),
        ("goals", "- One exercise a quarter, across departments\n- A shared list of what depends on what\n- Fewer surprises"),
        ("scope", "Dependencies between departments, exercises, and what an outage taught us."),
        ("sponsor", "The two heads of operations, in turn"),
        ("format", "TBC whether we keep the monthly call"),
        ("cadence", "An exercise every quarter"),
    ],
    members: &[(F, "core"), (G, "member"), (A, "member"), (D, "core"), (B, "interested_party")],
    categories: &[
        ("exercises", "Exercises", "Plan them, run them, write down what happened.", "open"),
        ("questions", "Questions and answers", "Who runs this? What happens when it stops?", "question_and_answer"),
    ],
    threads: &[
        DemoThread {
            key: "time-source",
            category: "questions",
            author: D,
            hours_ago: 30,
            title: "What happens to your services when the time source drifts by four minutes?",
            body: "Ours drifted last month. Sign-in failed first, then every signed message, then the monitoring that should have told us.\n\nI would like to know what *you* would see first.",
            posts: &[
                DemoPost {
                    author: F,
                    hours_ago: 28,
                    to: None,
                    body: "Certificates “not yet valid” on two of nine gateways, and a queue that deduplicates by time window letting everything through twice. We now alert on the **difference between hosts**, not on the difference from the source.",
                    answer: true,
                    reactions: &[(D, "heart"), (E, "eyes")],
                },
                reply(0, D, 27, "Alerting on the difference between hosts is the missing piece. Thank you."),
            ],
            upvotes: &[E, F, A],
            end: End::Resolved,
        },
        DemoThread {
            key: "autumn-exercise",
            category: "exercises",
            author: E,
            hours_ago: 96,
            title: "Autumn exercise: the shared address register is read-only for a day",
            body: "The plan: for one working day the register answers reads and refuses writes. Each team writes down\n\n- what stopped,\n- who noticed, and how,\n- what people did instead.\n\nNo blame, no heroics. **Observers welcome** from any department.",
            posts: &[
                post(D, 90, "Licensing is in. We will pretend the register's people are on holiday too, because one day they will be."),
                post(G, 60, "Could the exercise start at 15:40 on a Friday? That is when ours always start."),
                reply(1, E, 59, "Cruel, and accepted."),
            ],
            upvotes: &[D, F, G],
            end: End::Open,
        },
    ],
};

const OPEN_SOURCE: DemoCommunity = DemoCommunity {
    slug: "open-source-practice",
    name: "Open Source Practice Working Group",
    subject: "Using, publishing and looking after open source, in government hours",
    founder: G,
    seen: Seen::Public,
    charter: &[
        ("purpose", "To make it ordinary to publish code, and ordinary to look after what we use."),
        (
            "goals",
            "- A course that a new developer can finish in a week\n- An inventory of what we depend on\n- Patches sent upstream, not kept",
        ),
        ("scope", "Code that departments publish, and code that they use."),
        ("sponsor", "TBC"),
        ("format", "A meeting with minutes anyone can read, and working parties in between."),
        ("cadence", "Every second Monday"),
    ],
    members: &[(H, "core"), (B, "member"), (C, "core")],
    categories: &[
        ("general", "General", "Anything about open source in our departments.", "open"),
        ("inventory", "Inventory", "What we depend on, and who looks after it.", "question_and_answer"),
    ],
    threads: &[
        DemoThread {
            key: "inventory-start",
            category: "inventory",
            author: H,
            hours_ago: 20,
            title: "Should we start the inventory with what is oldest, or with what is everywhere?",
            body: "We have a list of 1,900 packages across both departments. Two ways to start:\n\n- **oldest first**: 43 packages without a release for five years\n- **everywhere first**: 12 packages that every single service uses\n\nI lean to the twelve. Convince me otherwise.",
            posts: &[
                post(
                    C,
                    18,
                    "The twelve. Of those, four have a single maintainer, and one of *those* has written twice this year that they are tired.",
                ),
                DemoPost {
                    author: B,
                    hours_ago: 6,
                    to: None,
                    body: "The twelve, and ask each maintainer what would help before offering anything.",
                    answer: true,
                    reactions: &[(H, "thumbs_up"), (G, "heart"), (C, "hooray")],
                },
            ],
            upvotes: &[G, C],
            end: End::Open,
        },
        DemoThread {
            key: "licence-question",
            category: "general",
            author: B,
            hours_ago: 150,
            title: "Publishing small tools: who has to say yes?",
            body: "We wrote a 300-line tool that turns tide tables into calendars. Three people said it would be useful elsewhere. Who has to agree before it goes public?",
            posts: &[post(G, 148, "In our department: the service owner, once, for a whole repository. I will share the one-page form.")],
            upvotes: &[H],
            end: End::Open,
        },
    ],
};

const RESPONDERS: DemoCommunity = DemoCommunity {
    slug: "responders",
    name: "Responders' Circle",
    subject: "For the people who are called first",
    founder: D,
    seen: Seen::Community,
    charter: &[
        ("purpose", "To talk about incidents while they are still warm, among those who handle them."),
        ("goals", "- Nobody handles their first one alone\n- What we learn leaves the circle as a lesson, without names"),
        ("scope", "Live and recent incidents."),
        ("sponsor", "The duty directors"),
        ("format", "By invitation of a member."),
        ("cadence", "When needed"),
    ],
    members: &[(F, "core")],
    categories: &[("handover", "Handover", "What the next on call should know.", "open")],
    threads: &[DemoThread {
        key: "handover-note",
        category: "handover",
        author: D,
        hours_ago: 10,
        title: "Handover for the long weekend",
        body: "Two things to know:\n\n1. The certificate of the flood-warning relay is renewed by hand until Tuesday. It ends on **Monday at noon**.\n2. If the queue to the lantern service backs up, it is not you; ring them.",
        posts: &[post(F, 8, "Lantern service here: ring twice, the first call wakes the pager and the second wakes me.")],
        upvotes: &[],
        end: End::Open,
    }],
};
