//! Documents that nobody would write: those of a corpus, mutated again and again. What shows something new is kept and mutated further.
//!
//! `HUB_FUZZ_CASES` says how many cases are tried, `HUB_FUZZ_SEED` with which numbers chance begins. The same two try the same cases, so
//! that what was found is found again. A case that fails is made smaller and shown; a thread that overflows is named by its case.

mod mutation;
mod seeds;

use super::judge::{self, Verdict, operation, validated};
use crate::graphql::limits::cost::prices;
use crate::graphql::limits::{Limits, STACK, check, scan, scan_json};
use crate::graphql::parsing::parse;
use async_graphql::Variables;
use mutation::Chance;
use std::collections::HashSet;
use std::fmt;

/// Cases that are tried when nothing else is said.
const CASES: u64 = 1_000;
/// Cases that are kept to be mutated.
const KEPT: usize = 5_000;

/// A request.
#[derive(Clone)]
struct Case {
    text: String,
    /// What is sent along, as JSON if it is that.
    sent: String,
    /// Which of its operations shall run.
    chosen: usize,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "operation {} of\n{:?}\nwith {:?}", self.chosen, self.text, self.sent)
    }
}

/// What became of a case.
struct Shown {
    /// How it was refused, or how large it is, without the particulars.
    what: String,
    parses: bool,
}

#[test]
fn mutants_are_judged_as_rightly_as_what_they_came_from() {
    let set =
        |name: &str| std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name} is {value}: give a number")));
    let (cases, seed): (Option<u64>, u64) = (set("HUB_FUZZ_CASES"), set("HUB_FUZZ_SEED").unwrap_or_default());
    let (all, mut chance) = (cases.unwrap_or(CASES), Chance::new(seed));
    let (mut corpus, mut novel) = (seeds::corpus(seed), HashSet::new());
    let first = corpus.len() as u64;
    for number in 0..first.saturating_add(all) {
        // Those of the corpus come first as they are.
        let case = match usize::try_from(number).ok().and_then(|place| corpus.get(place)) {
            Some(case) if number < first => case.clone(),
            _ => chance.mutant(&corpus),
        };
        match judged_apart(number, &case) {
            Ok(Shown { what, parses }) => {
                // Of what is broken already, few become something again.
                if novel.insert(what) && number >= first && (parses || chance.below(4) == 0) {
                    keep(case, &mut corpus, &mut chance);
                }
            }
            Err(reason) => {
                let case = smaller(number, case);
                let reason = judged_apart(number, &case).err().unwrap_or(reason);
                panic!("case {number} with the seed {seed}: {reason}\n{case:?}");
            }
        }
        if cases.is_some() && number % 10_000 == 9_999 {
            eprintln!("{} cases, {} shown, {} kept", number + 1, novel.len(), corpus.len());
        }
    }
    assert!(novel.len() > 100, "the cases show little: {}", novel.len());
}

/// Keeps a case, if need be in place of another.
fn keep(case: Case, corpus: &mut Vec<Case>, chance: &mut Chance) {
    if corpus.len() < KEPT {
        corpus.push(case);
    } else {
        corpus[chance.below(KEPT)] = case;
    }
}

/// Judges a case on a thread of its own, with half of the stack that the hub's have. Yields what the case shows.
fn judged_apart(number: u64, case: &Case) -> Verdict<Shown> {
    let (case, thread) = (case.clone(), std::thread::Builder::new().name(format!("case {number}")).stack_size(STACK / 2));
    let judging = thread.spawn(move || judged(&case)).unwrap();
    judging.join().unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(format!("it panicked: {}", said.unwrap_or_default()))
    })
}

fn judged(case: &Case) -> Verdict<Shown> {
    let limits = Limits::default();
    let json = scan_json(case.sent.as_bytes(), &limits).map_err(|unfit| unfit.message);
    let sent = serde_json::from_str(&case.sent).ok().filter(serde_json::Value::is_object);
    let variables = Variables::from_json(sent.unwrap_or_default());
    let scanned = scan(&case.text, &limits);
    let Some(document) = judge::read(&case.text)? else {
        // What the parser cannot hold is not given to it.
        let parsed = if scanned.is_ok() { parse(&case.text).err().map(|unparsed| unparsed.error.message) } else { None };
        return Ok(Shown { what: outline(&format!("{:?} {parsed:?}", scanned.map(|_| ()))), parses: false });
    };
    let chosen = operation(&document, case.chosen);
    let (measured, placed) = (judge::measured(&document, chosen, &variables)?, judge::variables_stand_where_they_may(&document)?);
    let checked = check(&document, chosen, &variables, prices(), &limits);
    let valid = match &checked {
        Ok(_) if placed && scanned.is_ok() && json.is_ok() => validated(&case.text, &document, chosen, variables).err(),
        _ => None,
    };
    let size = |number: u64| number.checked_ilog2();
    let sizes = measured.map(|(measure, all)| {
        let fields = [measure.depth, measure.levels, measure.selections, measure.cost(), measure.directives, measure.introspection_nesting];
        (fields.map(size), size(measure.values.values), size(all.largest.selections), size(all.unknown_fields))
    });
    let messages = (scanned.map(|_| ()), json, checked.map(|_| ()), placed, valid);
    Ok(Shown { what: format!("{sizes:?} {}", outline(&format!("{messages:?}"))), parses: true })
}

/// What is said, without the names and numbers in it.
fn outline(said: &str) -> String {
    let (mut outline, mut quoted) = (String::new(), false);
    for letter in said.chars() {
        match letter {
            '"' | '“' | '”' => quoted = !quoted,
            _ if quoted || letter.is_ascii_digit() => {}
            _ => outline.push(letter),
        }
    }
    outline
}

/// A case that fails too, with as much taken away as may be.
fn smaller(number: u64, mut case: Case) -> Case {
    let mut tries = 3_000i32;
    for of_text in [true, false] {
        let part = |case: &Case| if of_text { case.text.clone() } else { case.sent.clone() };
        let mut length = part(&case).chars().count().div_ceil(2);
        while length > 0 && tries > 0 {
            let letters: Vec<char> = part(&case).chars().collect();
            let without = |at: usize| -> String { letters[..at].iter().chain(letters.iter().skip(at + length)).collect() };
            let with = |text: String| if of_text { Case { text, ..case.clone() } } else { Case { sent: text, ..case.clone() } };
            let fails = |case: &Case| {
                tries -= 1;
                judged_apart(number, case).is_err()
            };
            match (0..letters.len()).step_by(length).map(|at| with(without(at))).find(fails) {
                Some(smaller) => case = smaller,
                None => length /= 2,
            }
        }
    }
    case
}
