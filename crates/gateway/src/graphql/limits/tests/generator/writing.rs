//! A document of a plan's choices.

use super::filling::{Declared, Filling};
use super::plan::{Argument, Directive, Field, Operation, Plan, Selection, Variable};
use super::spelling::Tokens;
use super::{Manner, Written};
use crate::graphql::limits::tests::type_system::{Input, Known, Output, TypeSystem, innermost, type_system};

/// Names that the schema does not have at every place, and some that it has at none.
const NAMES: &[&str] = &["nothing", "__typename", "on", "fragment", "query", "id", "a", "nodes", "first", "if", "__schema", "Aa_0"];
/// Types for variables, the likely ones more often.
const TYPES: &[&str] = &["ID", "ID", "Int", "Boolean", "Boolean", "String", "ThreadFilter", "ThreadOrder", "UUID", "Nothing", "Query"];

pub(super) fn write(plan: &Plan, manner: Manner) -> Written {
    // Variables belong to an operation, and a fragment of several would need them of each: where they matter, there is one.
    let few = if manner == Manner::Nearly { 1 } else { plan.operations.len() };
    let writer = Writer {
        plan,
        operations: &plan.operations[..few],
        types: type_system(),
        manner,
        filling: Filling::new(manner, few == 1),
        on: vec![None; plan.fragments.len()],
        current: None,
        aliases: 0,
        out: Tokens::default(),
    };
    writer.document()
}

struct Writer<'a> {
    plan: &'a Plan,
    operations: &'a [Operation],
    types: &'static TypeSystem,
    manner: Manner,
    filling: Filling,
    /// The types of the fragments that are spread somewhere. Of wild ones each has one.
    on: Vec<Option<String>>,
    /// The fragment that is being written.
    current: Option<usize>,
    aliases: usize,
    out: Tokens,
}

impl Writer<'_> {
    fn document(mut self) -> Written {
        let plan = self.plan;
        if self.manner == Manner::Wild {
            self.on = plan.fragments.iter().map(|fragment| Some(self.any_type(fragment.on))).collect();
        }
        let roots: Vec<(&str, &str)> = self.operations.iter().map(|operation| root(operation.kind)).collect();
        let sets: Vec<Tokens> =
            self.operations.iter().zip(&roots).map(|(operation, (_, root))| self.set(&operation.within, root)).collect();
        let mut fragments = Tokens::default();
        for place in 0..plan.fragments.len() {
            fragments.append(self.fragment(place));
        }
        for ((place, operation), ((keyword, _), set)) in self.operations.iter().enumerate().zip(roots.iter().zip(sets)) {
            self.operation(place, operation, keyword, set);
        }
        let before = !plan.circular && plan.fragments.len().is_multiple_of(2);
        let (first, second) = if before { (fragments, self.out) } else { (self.out, fragments) };
        let mut out = first;
        out.append(second);
        let names = ["v0", "v1", "v2", "v3", "v4", "unused"];
        let variables = plan.sent.iter().zip(names).map(|(value, name)| (name.to_owned(), value.clone())).collect();
        Written {
            text: out.text(&plan.between),
            tokens: out.len(),
            nesting: out.nesting(),
            variables: serde_json::Value::Object(variables),
            chosen: plan.chosen % self.operations.len(),
        }
    }

    fn operation(&mut self, place: usize, operation: &Operation, keyword: &str, set: Tokens) {
        let variables = self.declared(operation);
        // One without a name must be the only one.
        let named = self.operations.len() > 1 || operation.named;
        if named || keyword != "query" || !variables.is_empty() || !operation.directives.is_empty() {
            self.out.put(keyword);
        }
        if named {
            self.out.put(format!("Q{place}"));
        }
        if !variables.is_empty() {
            self.out.put("(");
            self.out.append(variables);
            self.out.put(")");
        }
        if self.manner == Manner::Wild {
            self.directives(&operation.directives);
        }
        self.out.append(set);
    }

    /// The variables that an operation declares.
    fn declared(&mut self, operation: &Operation) -> Tokens {
        let all: Vec<(Declared, &[Directive])> = if self.manner == Manner::Wild {
            let wild = operation.variables.iter().enumerate();
            wild.map(|(place, variable)| (self.wild_variable(place, variable), variable.directives.as_slice())).collect()
        } else {
            self.filling.take_declared().into_iter().map(|declared| (declared, &[] as &[Directive])).collect()
        };
        let outer = std::mem::take(&mut self.out);
        for (Declared { name, of, default }, directives) in all {
            self.out.put_all(["$", &name, ":"]);
            self.out.put_type(&of);
            // The library wants them in this order.
            self.directives(directives);
            if let Some(default) = default {
                self.out.put("=");
                self.out.append(default);
            }
        }
        std::mem::replace(&mut self.out, outer)
    }

    fn wild_variable(&self, place: usize, variable: &Variable) -> Declared {
        let name = TYPES[usize::from(variable.of) % TYPES.len()];
        let of = match variable.wrapped % 8 {
            0..=2 => name.to_owned(),
            3 | 4 => format!("{name}!"),
            5 => format!("[{name}!]!"),
            6 => format!("[{name}]"),
            _ => format!("[[{name}!]]"),
        };
        let default = variable.default.as_ref().map(|value| self.filling.constant(value));
        Declared { name: format!("v{place}"), of, default }
    }

    fn fragment(&mut self, place: usize) -> Tokens {
        let plan = self.plan;
        let Some(on) = self.on[place].clone() else { return Tokens::default() };
        let fragment = &plan.fragments[place];
        self.current = Some(place);
        let set = self.set(&fragment.within, &on);
        let outer = std::mem::take(&mut self.out);
        self.out.put_all(["fragment", &format!("F{place}")]);
        self.out.put_condition(&on);
        if self.manner == Manner::Wild {
            self.directives(&fragment.directives);
        }
        self.out.append(set);
        std::mem::replace(&mut self.out, outer)
    }

    /// A selection set, apart from what is written otherwise.
    fn set(&mut self, selections: &[Selection], of: &str) -> Tokens {
        let outer = std::mem::take(&mut self.out);
        self.out.put("{");
        for selection in selections {
            self.selection(selection, of);
        }
        if self.out.len() == 1 {
            self.something(of);
        }
        self.out.put("}");
        std::mem::replace(&mut self.out, outer)
    }

    /// A field that any type has; one that is there, where no type has it.
    fn something(&mut self, of: &str) {
        if of == "Subscription" && self.manner != Manner::Wild {
            self.field(&Field::default(), of);
        } else {
            self.out.put("__typename");
        }
    }

    fn selection(&mut self, selection: &Selection, of: &str) {
        match selection {
            Selection::Field(field) => self.field(field, of),
            Selection::Inline { on, directives, within } => {
                let on = on.map(|pick| if self.manner == Manner::Wild { self.any_type(pick) } else { self.within_type(of, pick) });
                self.out.put("...");
                if let Some(on) = &on {
                    self.out.put_condition(on);
                }
                self.directives(directives);
                let set = self.set(within, on.as_deref().unwrap_or(of));
                self.out.append(set);
            }
            Selection::Spread { of: pick, directives } => {
                if let Some(name) = self.spread(*pick, of) {
                    self.out.put_all(["...", &name]);
                    self.directives(directives);
                }
            }
        }
    }

    /// The name of a fragment that may be spread here.
    fn spread(&mut self, pick: u16, of: &str) -> Option<String> {
        let (all, wild) = (self.on.len(), self.manner == Manner::Wild);
        let circular = wild && self.plan.circular;
        let least = if circular { 0 } else { self.current.map_or(0, |current| current + 1) };
        // Now and then one that does not exist.
        let most = if wild { all + 1 } else { all };
        let place = least + usize::from(pick).checked_rem(most.checked_sub(least)?)?;
        if !wild {
            match self.on[place].clone() {
                None => self.on[place] = Some(self.within_type(of, pick)),
                Some(on) if !self.overlap(&on, of) => return None,
                Some(_) => {}
            }
        }
        Some(format!("F{place}"))
    }

    fn field(&mut self, field: &Field, of: &str) {
        let types = self.types;
        let known = types.get(of).map_or(&[] as &[Output], |known| known.fields.as_slice());
        let wild = self.manner == Manner::Wild;
        let output = if known.is_empty() || wild && field.pick.is_multiple_of(7) {
            let name = NAMES[usize::from(field.pick) % NAMES.len()];
            if wild { types.field(of, name) } else { None }
        } else if of == "Query" && field.pick % 23 == 5 {
            types.field(of, if field.pick.is_multiple_of(2) { "__schema" } else { "__type" })
        } else {
            // What is asked within it shall be asked of something.
            let composite = |output: &&Output| types.get(innermost(&output.of)).is_some_and(Known::is_composite);
            let mut fitting: Vec<&Output> = known.iter().filter(|output| !field.within.is_empty() && composite(output)).collect();
            if fitting.is_empty() || wild && field.pick.is_multiple_of(3) {
                fitting = known.iter().collect();
            }
            Some(fitting[usize::from(field.pick) % fitting.len()])
        };
        let name = match output {
            Some(output) => output.name.as_str(),
            None if wild => NAMES[usize::from(field.pick) % NAMES.len()],
            None => return self.something(of),
        };
        if let Some(alias) = field.alias.filter(|_| wild) {
            self.out.put_all([&format!("a{alias}"), ":"]);
        } else if output.is_some_and(|output| !output.arguments.is_empty() || field.alias.is_some()) && !wild {
            // Two fields of one name must not differ in what is asked of them.
            self.aliases += 1;
            self.out.put_all([&format!("x{}", self.aliases), ":"]);
        }
        self.out.put(name);
        let inner = output.map(|output| innermost(&output.of)).unwrap_or_default();
        if wild {
            self.wild_arguments(&field.arguments, output.map_or(&[], |output| output.arguments.as_slice()));
            self.directives(&field.directives);
            if !field.within.is_empty() {
                let set = self.set(&field.within, inner);
                self.out.append(set);
            }
        } else if let Some(output) = output {
            let arguments = self.filling.arguments(&field.arguments, &output.arguments);
            self.in_brackets(arguments);
            self.directives(&field.directives);
            if types.get(inner).is_some_and(Known::is_composite) {
                let set = self.set(&field.within, inner);
                self.out.append(set);
            }
        }
    }

    fn in_brackets(&mut self, arguments: Tokens) {
        if !arguments.is_empty() {
            self.out.put("(");
            self.out.append(arguments);
            self.out.put(")");
        }
    }

    fn wild_arguments(&mut self, arguments: &[Argument], known: &[Input]) {
        let mut written = Tokens::default();
        for argument in arguments {
            let pick = usize::from(argument.pick);
            let input = if known.is_empty() || pick.is_multiple_of(5) { None } else { Some(&known[pick % known.len()]) };
            written.put_all([input.map_or(NAMES[pick % NAMES.len()], |input| input.name.as_str()), ":"]);
            written.append(self.filling.wild_value(&argument.value, input.map(|input| &input.of)));
        }
        self.in_brackets(written);
    }

    fn directives(&mut self, directives: &[Directive]) {
        let wild = self.manner == Manner::Wild;
        // A valid one is there once.
        let most = if wild { directives.len() } else { 1 };
        for directive in directives.iter().take(most) {
            let names: &[&str] = if wild { &["skip", "include", "deprecated", "nothing", "oneOf"] } else { &["skip", "include"] };
            let name = names[usize::from(directive.pick) % names.len()];
            self.out.put_all(["@", name]);
            let known = self.types.directives.get(name).map_or(&[] as &[_], Vec::as_slice);
            if wild {
                self.wild_arguments(&directive.arguments, known);
            } else {
                let arguments = self.filling.arguments(&directive.arguments, known);
                self.in_brackets(arguments);
            }
        }
    }

    /// Any type that there is, and one that there is not.
    fn any_type(&self, pick: u16) -> String {
        let place = usize::from(pick) % (self.types.types.len() + 4);
        let likely = ["Query", "Thread", "ThreadConnection", "Nothing"];
        self.types.types.keys().nth(place).map_or_else(|| likely[place - self.types.types.len()].to_owned(), Clone::clone)
    }

    /// A type that a value of this one may have, or this one itself.
    fn within_type(&self, of: &str, pick: u16) -> String {
        let objects = self.types.objects(of);
        if pick.is_multiple_of(3) || objects.is_empty() {
            return of.to_owned();
        }
        objects[usize::from(pick) % objects.len()].to_owned()
    }

    fn overlap(&self, one: &str, other: &str) -> bool {
        let objects = self.types.objects(one);
        self.types.objects(other).iter().any(|object| objects.contains(object))
    }
}

fn root(kind: u8) -> (&'static str, &'static str) {
    match kind {
        0..=4 => ("query", "Query"),
        5 | 6 => ("mutation", "Mutation"),
        _ => ("subscription", "Subscription"),
    }
}
