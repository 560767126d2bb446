//! Reading a JSON value with the way to it at hand, so that whatever is wrong can be found again.

use kernel::Timestamp;
use serde_json::Value;

use super::{Author, GHOST};

/// A value and the way to it.
#[derive(Clone)]
pub(super) struct At<'a> {
    value: &'a Value,
    path: String,
}

/// What is wrong with the value at a path.
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) message: String,
}

impl<'a> At<'a> {
    /// The whole of a document.
    pub(super) fn document(value: &'a Value) -> Self {
        Self { value, path: "$".to_owned() }
    }

    /// The way to this value.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A member that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<At<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(At { value, path: format!("{}.{name}", self.path) })
    }

    /// A member that has to be there.
    pub(super) fn need(&self, name: &str) -> Result<At<'a>, Fault> {
        self.get(name).ok_or_else(|| Fault { path: format!("{}.{name}", self.path), message: "is missing".to_owned() })
    }

    /// The elements, if this is an array.
    pub(super) fn elements(&self) -> Option<impl Iterator<Item = At<'a>> + use<'a>> {
        let path = self.path.clone();
        let elements = self.value.as_array()?;
        Some(elements.iter().enumerate().map(move |(index, value)| At { value, path: format!("{path}[{index}]") }))
    }

    /// What a GraphQL connection holds, be it asked for by `nodes` or by `edges`; nulls are left out.
    pub(super) fn nodes(&self) -> Vec<At<'a>> {
        if let Some(nodes) = self.get("nodes").and_then(|nodes| nodes.elements()) {
            return nodes.filter(|node| !node.value.is_null()).collect();
        }
        let edges = self.get("edges").and_then(|edges| edges.elements());
        edges.into_iter().flatten().filter_map(|edge| edge.get("node")).collect()
    }

    /// It, as text.
    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        self.value.as_str().ok_or_else(|| self.fault("is not text"))
    }

    /// A member that has to be there, as text.
    pub(super) fn need_text(&self, name: &str) -> Result<&'a str, Fault> {
        self.need(name)?.text()
    }

    /// A member, as text, if it is there.
    pub(super) fn get_text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.get(name).map(|member| member.text()).transpose()
    }

    /// A member, as yes or no; no, if it is not there.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        self.get(name).map_or(Ok(false), |member| member.value.as_bool().ok_or_else(|| member.fault("is neither true nor false")))
    }

    /// A member that has to be there, as a number from 0.
    pub(super) fn need_number(&self, name: &str) -> Result<u64, Fault> {
        let member = self.need(name)?;
        member.value.as_u64().ok_or_else(|| member.fault("is not a whole number"))
    }

    /// A member, as a number from 0; 0, if it is not there.
    pub(super) fn number(&self, name: &str) -> Result<u64, Fault> {
        if self.get(name).is_some() { self.need_number(name) } else { Ok(0) }
    }

    /// A member, as a moment, if it is there.
    pub(super) fn get_time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        let Some(member) = self.get(name) else { return Ok(None) };
        let time =
            chrono::DateTime::parse_from_rfc3339(member.text()?).map_err(|_| member.fault("is not a time as in 2030-01-31T12:00:00Z"))?;
        Ok(Some(kernel::clock::to_microseconds(time.to_utc())))
    }

    /// A member that has to be there, as a moment.
    pub(super) fn need_time(&self, name: &str) -> Result<Timestamp, Fault> {
        self.need(name)?;
        Ok(self.get_time(name)?.expect("the member is there"))
    }

    /// Who a member names; nobody means an account that was deleted.
    pub(super) fn author(&self, name: &str) -> Result<Author, Fault> {
        let ghost = || Author { login: GHOST.to_owned(), name: None };
        self.get(name).map_or(Ok(ghost()), |member| {
            let login = member.need("login")?;
            let text = login.text()?.trim();
            if text.is_empty() {
                return Err(login.fault("is empty"));
            }
            Ok(Author { login: text.to_owned(), name: member.get_text("name")?.filter(|name| !name.trim().is_empty()).map(str::to_owned) })
        })
    }

    /// A fault of this value.
    pub(super) fn fault(&self, message: &str) -> Fault {
        Fault { path: self.path.clone(), message: message.to_owned() }
    }
}
