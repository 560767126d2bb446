//! What holds for all documents of the grammar.

use super::generator::{Manner, Written, documents, documents_of};
use super::judge::{self, on_stack, operation, unlimited, validated};
use super::sizes::Sizes;
use crate::graphql::limits::cost::prices;
use crate::graphql::limits::{Limits, STACK, check, scan};
use crate::graphql::parsing::parse;
use crate::graphql::variables;
use async_graphql::Variables;
use async_graphql::parser::types::ExecutableDocument;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn given(written: &Written) -> Variables {
    Variables::from_json(written.variables.clone())
}

fn held(verdict: judge::Verdict<impl Sized>) -> Result<(), TestCaseError> {
    verdict.map(|_| ()).map_err(TestCaseError::fail)
}

/// What is limited, how much of it there is, and all other limits taken away.
type Row<'a> = (&'a str, u64, &'a dyn Fn(u64) -> Limits);

/// Fragments that go on from one to the next, in selection sets within each other.
fn chains() -> impl Strategy<Value = String> {
    let step = prop::sample::select(&["{...", "{...on Query", "{a", "{a:hub", "{...@skip(if:true)"][..]);
    let one = (step, 0..46usize).prop_map(|(step, times)| (step.repeat(times), "}".repeat(times)));
    prop_oneof![prop::collection::vec(one.clone(), 0..6), prop::collection::vec(one, 0..80)].prop_map(|all| {
        let last = format!("{{...F0}}fragment F{} on Query{{__typename}}", all.len());
        all.iter()
            .enumerate()
            .fold(last, |text, (n, (open, close))| text + &format!("fragment F{n} on Query{open}{{...F{}}}{close}", n + 1))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// That the generator keeps its promises is what all else rests on.
    #[test]
    fn what_is_generated_parses_and_has_the_tokens_and_brackets_that_were_put_there(written in documents()) {
        let scanned = scan(&written.text, &unlimited());
        prop_assert!(scanned.is_ok(), "{:?}", scanned);
        let scanned = scanned.unwrap();
        prop_assert_eq!((scanned.tokens, scanned.nesting), (written.tokens, written.nesting));
        let parsed = parse(&written.text);
        prop_assert!(parsed.is_ok(), "{}", parsed.unwrap_err().error.message);
        held(judge::read(&written.text))?;
    }

    #[test]
    fn what_is_measured_is_what_there_is_when_all_is_written_out(written in documents()) {
        let document = parse(&written.text).unwrap();
        held(judge::measured(&document, operation(&document, written.chosen), &given(&written)))?;
    }

    #[test]
    fn variables_are_refused_where_the_specification_refuses_them(
        written in prop_oneof![documents_of(Manner::Valid), documents_of(Manner::Nearly), documents_of(Manner::Wild)],
    ) {
        held(judge::variables_stand_where_they_may(&parse(&written.text).unwrap()))?;
    }

    /// Each limit lets through exactly what is no more than it.
    #[test]
    fn each_limit_is_held_to_the_last_one(written in documents(), which in any::<prop::sample::Index>()) {
        let document = parse(&written.text).unwrap();
        let (chosen, variables) = (operation(&document, written.chosen), given(&written));
        let Ok(Some((_, all))) = judge::measured(&document, chosen, &variables) else { return Ok(()) };
        let largest = all.largest;
        let declared = document.operations.iter().map(|(_, operation)| operation.node.variable_definitions.len()).max().unwrap_or_default();
        let limits = unlimited();
        let rows: [Row; 17] = [
            ("operations", document.operations.iter().count() as u64, &|operations| Limits { operations, ..limits }),
            ("fragments", document.fragments.len() as u64, &|fragments| Limits { fragments, ..limits }),
            ("variables", declared.max(variables.len()) as u64, &|variables| Limits { variables, ..limits }),
            ("selections", largest.selections, &|selections| Limits { selections, ..limits }),
            ("levels of fields", largest.depth, &|depth| Limits { depth, ..limits }),
            ("fields at the root", largest.root_fields, &|root_fields| Limits { root_fields, ..limits }),
            ("fields beside each other", largest.siblings, &|siblings| Limits { siblings, ..limits }),
            ("does not have", all.unknown_fields, &|unknown_fields| Limits { unknown_fields, ..limits }),
            ("aliases", largest.aliases, &|aliases| Limits { aliases, ..limits }),
            ("directives", largest.directives, &|directives| Limits { directives, ..limits }),
            ("introspection", largest.introspection_nesting, &|introspection_nesting| Limits { introspection_nesting, ..limits }),
            ("values in arguments", largest.values.values, &|values| Limits { values, ..limits }),
            ("within each other in one value", largest.values.nesting, &|value_nesting| Limits { value_nesting, ..limits }),
            ("items in one list", largest.values.longest_list, &|list_items| Limits { list_items, ..limits }),
            ("bytes in one string", largest.values.longest_string, &|string_bytes| Limits { string_bytes, ..limits }),
            ("bytes in strings", largest.values.bytes, &|value_bytes| Limits { value_bytes, ..limits }),
            ("points of cost", largest.cost, &|cost| Limits { cost, ..limits }),
        ];
        let (what, there_is, limited) = which.get(&rows);
        let held = check(&document, chosen, &variables, prices(), &limited(*there_is));
        prop_assert!(held.is_ok(), "{} {}: {:?}", there_is, what, held);
        if let Some(less) = there_is.checked_sub(1) {
            let held = check(&document, chosen, &variables, prices(), &limited(less));
            prop_assert!(held.as_ref().is_err_and(|unfit| unfit.message.contains(what)), "{} {}: {:?}", there_is, what, held);
        }
    }

    /// However often fragments are spread, no more is looked at than there is.
    #[test]
    fn what_is_looked_at_is_no_more_than_what_was_sent(written in documents()) {
        let document = parse(&written.text).unwrap();
        let variables = given(&written);
        if let Ok(measure) = check(&document, operation(&document, written.chosen), &variables, prices(), &unlimited()) {
            let sent = Sizes::new(&document, &variables).sent().values;
            prop_assert!(measure.visits <= written.tokens + sent, "{:?}: {} tokens, {} values", measure, written.tokens, sent);
        }
    }

    /// What passes all that comes before is validated; whether it is valid or not, nothing panics.
    #[test]
    fn what_passes_is_validated_without_harm(written in documents(), variables in any::<bool>()) {
        let document = parse(&written.text).unwrap();
        let (chosen, sent) = (operation(&document, written.chosen), if variables { given(&written) } else { Variables::default() });
        if check(&document, chosen, &sent, prices(), &Limits::default()).is_ok() && variables::check(&document).is_ok() {
            let _ = validated(&written.text, &document, chosen, sent);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What calls itself within itself is the pass, the rules about variables, the parser and validation.
    #[test]
    fn however_deep_it_goes_the_stack_suffices(text in chains()) {
        let verdict = on_stack(STACK / 4, move || {
            let document = parse(&text).map_err(|unparsed| unparsed.error.message)?;
            let (chosen, none) = (operation(&document, 0), Variables::default());
            if judge::measured(&document, chosen, &none)?.is_some() && judge::variables_stand_where_they_may(&document)? {
                let _ = validated(&text, &document, chosen, none);
            }
            Ok(())
        });
        held(verdict)?;
    }
}

/// That the generator makes what the properties are about: else they would hold of nothing.
#[test]
fn documents_of_all_sorts_are_generated() {
    let mut runner = TestRunner::deterministic();
    let mut share = |manner: Manner, is: &dyn Fn(&Written, &ExecutableDocument) -> bool| {
        let strategy = documents_of(manner);
        let drawn = (0..100).map(|_| strategy.new_tree(&mut runner).unwrap().current());
        drawn.filter(|written| is(written, &parse(&written.text).unwrap())).count()
    };
    let valid = share(Manner::Valid, &|written, document| {
        let chosen = operation(document, written.chosen);
        variables::check(document).is_ok() && validated(&written.text, document, chosen, Variables::default()).is_ok()
    });
    let misused = share(Manner::Nearly, &|_, document| variables::check(document).is_err());
    let used = share(Manner::Nearly, &|written, document| written.text.contains('$') && variables::check(document).is_ok());
    let circular = share(Manner::Wild, &|_, document| super::expander::is_circular(document));
    let repeated = share(Manner::Valid, &|written, document| {
        let measure = check(document, operation(document, 0), &Variables::default(), prices(), &unlimited());
        measure.is_ok_and(|measure| measure.selections > written.text.matches(['{', ',']).count() as u64)
    });
    let pages = share(Manner::Valid, &|written, document| {
        let measure = check(document, operation(document, written.chosen), &Variables::default(), prices(), &unlimited());
        measure.is_ok_and(|measure| measure.cost() > 2 * measure.selections + 50)
    });
    for (what, share, least) in [
        ("valid", valid, 60),
        ("with variables out of their places", misused, 15),
        ("with variables in their places", used, 10),
        ("that go in a circle", circular, 5),
        ("that are larger when written out", repeated, 5),
        ("that ask for pages", pages, 15),
    ] {
        assert!(share >= least, "{share} of 100 documents are {what}");
    }
}
