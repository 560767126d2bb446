//! Enumerations as columns hold them: the same snake case that events use.

use serde::Serialize;
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

/// The code of a value, for a column.
pub(crate) fn of<T: Serialize>(value: T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(code)) => code,
        _ => unreachable!("an enumeration without content serialises to a string"),
    }
}

/// The value of a column's code.
pub(crate) fn read<T: DeserializeOwned>(code: &str) -> Result<T, sqlx::Error> {
    let deserializer: StrDeserializer<'_, Error> = code.into_deserializer();
    T::deserialize(deserializer).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
