//! The size of values: literals in arguments, and variables.

use async_graphql::Value as ConstValue;
use async_graphql::{Name, Variables};
use async_graphql_value::Value;
use std::collections::HashMap;

/// How large a value is. A variable within it counts with the size of what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Values, those within lists and objects included.
    pub values: u64,
    /// Bytes of strings, names of fields and enum values.
    pub bytes: u64,
    /// Lists and objects within each other.
    pub nesting: u64,
    /// Items of its longest list, or fields of its largest object.
    pub longest_list: u64,
    /// Bytes of its longest string.
    pub longest_string: u64,
}

impl Size {
    /// Beside another.
    pub(super) fn add(&mut self, other: Self) {
        self.values = self.values.saturating_add(other.values);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.nesting = self.nesting.max(other.nesting);
        self.longest_list = self.longest_list.max(other.longest_list);
        self.longest_string = self.longest_string.max(other.longest_string);
    }

    /// The larger of two in every respect.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            values: self.values.max(other.values),
            bytes: self.bytes.max(other.bytes),
            nesting: self.nesting.max(other.nesting),
            longest_list: self.longest_list.max(other.longest_list),
            longest_string: self.longest_string.max(other.longest_string),
        }
    }

    fn text(length: usize) -> Self {
        Self { values: 1, bytes: length as u64, longest_string: length as u64, ..Self::default() }
    }

    const ONE: Self = Self { values: 1, bytes: 0, nesting: 0, longest_list: 0, longest_string: 0 };

    /// A list or object of so many items, around what they sum up to.
    pub(super) fn around(items: usize, mut within: Self) -> Self {
        within.values = within.values.saturating_add(1);
        within.nesting = within.nesting.saturating_add(1);
        within.longest_list = within.longest_list.max(items as u64);
        within
    }
}

/// Measures values, and counts what it looks at.
#[derive(Debug, Default)]
pub(super) struct Scale<'a> {
    variables: HashMap<&'a str, Size>,
    /// All variables together.
    pub(super) sent: Size,
    /// Values looked at.
    pub(super) visits: u64,
}

impl<'a> Scale<'a> {
    /// The variables of a request, each measured once, and the default values that its operations declare. A variable counts with
    /// whichever is larger: validation looks at both.
    pub(super) fn new(variables: &'a Variables, defaults: impl Iterator<Item = (&'a Name, &'a ConstValue)>) -> Self {
        let mut scale = Self::default();
        for (name, value) in variables.iter() {
            let size = scale.constant(value);
            scale.sent.add(size);
            scale.variables.insert(name.as_str(), size);
        }
        for (name, value) in defaults {
            let size = scale.constant(value);
            let known = scale.variables.entry(name.as_str()).or_default();
            *known = known.or(size);
        }
        scale
    }

    /// The size of a value in the document.
    pub(super) fn value(&mut self, value: &Value) -> Size {
        self.visits += 1;
        match value {
            Value::Variable(name) => self.variables.get(name.as_str()).copied().unwrap_or(Size::ONE),
            Value::Null | Value::Number(_) | Value::Boolean(_) => Size::ONE,
            Value::String(text) => Size::text(text.len()),
            Value::Enum(name) => Size::text(name.len()),
            Value::Binary(bytes) => Size::text(bytes.len()),
            Value::List(items) => {
                let mut sum = Size::default();
                for item in items {
                    sum.add(self.value(item));
                }
                Size::around(items.len(), sum)
            }
            Value::Object(fields) => {
                let mut sum = Size::default();
                for (name, value) in fields {
                    sum.bytes = sum.bytes.saturating_add(name.len() as u64);
                    sum.add(self.value(value));
                }
                Size::around(fields.len(), sum)
            }
        }
    }

    fn constant(&mut self, value: &ConstValue) -> Size {
        self.visits += 1;
        match value {
            ConstValue::Null | ConstValue::Number(_) | ConstValue::Boolean(_) => Size::ONE,
            ConstValue::String(text) => Size::text(text.len()),
            ConstValue::Enum(name) => Size::text(name.len()),
            ConstValue::Binary(bytes) => Size::text(bytes.len()),
            ConstValue::List(items) => {
                let mut sum = Size::default();
                for item in items {
                    sum.add(self.constant(item));
                }
                Size::around(items.len(), sum)
            }
            ConstValue::Object(fields) => {
                let mut sum = Size::default();
                for (name, value) in fields {
                    sum.bytes = sum.bytes.saturating_add(name.len() as u64);
                    sum.add(self.constant(value));
                }
                Size::around(fields.len(), sum)
            }
        }
    }
}
