//! The walk over an event's JSON that seals personal values on the way in and opens them on the way out.
//!
//! `{"$personal": value}` becomes `{"$sealed": "base64"}` under the person's key, bound to the event and to the place
//! within it, so that a sealed value moved elsewhere does not open. On the way out it is `{"$personal": value}` again,
//! or `{"$erased": true}` once the key is destroyed. Everything else passes unchanged.

use crate::keys::{Key, KeyError, decrypt, encrypt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::EventId;
use serde_json::{Value, json};

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";
const ERASED: &str = "$erased";

/// Whether the content holds any personal value.
pub(crate) fn holds_personal(data: &Value) -> bool {
    match data {
        Value::Object(map) if map.len() == 1 && map.contains_key(PERSONAL) => true,
        Value::Object(map) => map.values().any(holds_personal),
        Value::Array(items) => items.iter().any(holds_personal),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether the content, outside personal values, already holds what only the log may write.
pub(crate) fn holds_sealed(data: &Value) -> bool {
    match data {
        Value::Object(map) if map.len() == 1 && map.contains_key(PERSONAL) => false,
        Value::Object(map) => (map.len() == 1 && map.contains_key(SEALED)) || map.values().any(holds_sealed),
        Value::Array(items) => items.iter().any(holds_sealed),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Seals every personal value.
pub(crate) fn seal(data: &mut Value, event: EventId, key: &Key) {
    let mut place = format!("event {event} ");
    walk(data, &mut place, &mut |value, place| {
        if let Some(plain) = only(value, PERSONAL) {
            let sealed = encrypt(key, place, plain.to_string().as_bytes());
            *value = json!({ SEALED: STANDARD.encode(sealed) });
            return Ok(true);
        }
        Ok(false)
    })
    .expect("sealing refuses nothing");
}

/// Opens every sealed value; without a key each is marked as erased.
///
/// # Errors
/// [`KeyError::DoesNotOpen`] if one was altered or moved.
pub(crate) fn open(data: &mut Value, event: EventId, key: Option<&Key>) -> Result<(), KeyError> {
    let mut place = format!("event {event} ");
    walk(data, &mut place, &mut |value, place| {
        let Some(sealed) = only(value, SEALED) else { return Ok(false) };
        *value = match key {
            None => json!({ ERASED: true }),
            Some(key) => {
                let sealed = sealed.as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or(KeyError::DoesNotOpen)?;
                let plain = zeroize::Zeroizing::new(decrypt(key, place, &sealed)?);
                json!({ PERSONAL: serde_json::from_slice::<Value>(&plain).map_err(|_| KeyError::DoesNotOpen)? })
            }
        };
        Ok(true)
    })
}

/// The value under `name` if that is all the object has.
fn only<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().filter(|map| map.len() == 1)?.get(name)
}

/// Visits every value with its place as a JSON Pointer (RFC 6901) after the given beginning. What the visitor has
/// replaced (`true`) is not entered.
fn walk<V>(value: &mut Value, place: &mut String, visit: &mut V) -> Result<(), KeyError>
where
    V: FnMut(&mut Value, &str) -> Result<bool, KeyError>,
{
    if visit(value, place)? {
        return Ok(());
    }
    let length = place.len();
    match value {
        Value::Object(map) => {
            for (name, child) in map.iter_mut() {
                place.push('/');
                place.push_str(&name.replace('~', "~0").replace('/', "~1"));
                walk(child, place, visit)?;
                place.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, child) in items.iter_mut().enumerate() {
                place.push('/');
                place.push_str(&index.to_string());
                walk(child, place, visit)?;
                place.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::random_key;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn event() -> EventId {
        EventId(Uuid::from_u128(7))
    }

    /// Any JSON, with personal values strewn in.
    fn content() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("[a-z/~$]{0,6}", inner.clone(), 0..6).prop_map(Value::from_iter),
                inner.prop_map(|value| json!({ PERSONAL: value })),
            ]
        })
    }

    /// What is left when every personal value outside of another one is erased.
    fn erased(data: &Value) -> Value {
        match data {
            Value::Object(map) if map.len() == 1 && map.contains_key(PERSONAL) => json!({ ERASED: true }),
            Value::Object(map) => map.iter().map(|(name, value)| (name.clone(), erased(value))).collect(),
            Value::Array(items) => items.iter().map(erased).collect(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_to_what_it_was(data in content()) {
            let key = random_key();
            let mut sealed = data.clone();
            seal(&mut sealed, event(), &key);
            prop_assert!(!holds_personal(&sealed));
            prop_assert_eq!(holds_sealed(&sealed), holds_personal(&data));
            let mut opened: Value = serde_json::from_str(&sealed.to_string()).unwrap();
            open(&mut opened, event(), Some(&key)).unwrap();
            prop_assert_eq!(&opened, &data);
        }

        #[test]
        fn without_the_key_nothing_personal_is_left(data in content()) {
            let mut sealed = data.clone();
            seal(&mut sealed, event(), &random_key());
            open(&mut sealed, event(), None).unwrap();
            prop_assert_eq!(sealed, erased(&data));
        }

        #[test]
        fn no_personal_text_stands_in_what_is_sealed(secret in "[a-z]{16,32}", data in content()) {
            let mut data = json!({ "about": [{ PERSONAL: { "name": secret.clone() } }], "else": data });
            seal(&mut data, event(), &random_key());
            prop_assert!(!data.to_string().contains(&secret));
        }
    }

    #[test]
    fn a_sealed_value_opens_only_in_its_event_and_place() {
        let key = random_key();
        let mut data = json!({ "name": { PERSONAL: "Ada" }, "mail": { PERSONAL: "ada@example.org" } });
        seal(&mut data, event(), &key);
        let mut elsewhere = data.clone();
        assert!(open(&mut elsewhere, EventId(Uuid::from_u128(8)), Some(&key)).is_err());
        let mut swapped = json!({ "name": data["mail"], "mail": data["name"] });
        assert!(open(&mut swapped, event(), Some(&key)).is_err());
        let mut other_key = data.clone();
        assert!(open(&mut other_key, event(), Some(&random_key())).is_err());
        let mut nonsense = json!({ "name": { SEALED: 5 } });
        assert!(open(&mut nonsense, event(), Some(&key)).is_err());
    }
}
