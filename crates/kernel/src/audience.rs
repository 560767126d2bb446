//! The one rule of visibility: everything shown has an [`Audience`], a viewer has [`Grants`],
//! and you see it if the two meet.
//!
//! The same rule serves SQL (`audience && $grants`), subscriptions, search, counts, exports and feeds.
//! What you may not see looks exactly like what does not exist.

use crate::id::{CommunityId, OrganisationId, PersonId};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// One token of an audience or of a viewer's grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Token {
    /// Anyone, signed in or not.
    Public,
    /// Everyone who is signed in.
    Members,
    /// The people of one organisation.
    Organisation(OrganisationId),
    /// The members of one community.
    Community(CommunityId),
    /// One person.
    Person(PersonId),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Members => f.write_str("members"),
            Self::Organisation(id) => write!(f, "org:{id}"),
            Self::Community(id) => write!(f, "community:{id}"),
            Self::Person(id) => write!(f, "person:{id}"),
        }
    }
}

/// The text is no audience token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no audience token; use public, members, org:…, community:… or person:…")]
pub struct NoToken(pub String);

impl FromStr for Token {
    type Err = NoToken;
    fn from_str(text: &str) -> Result<Self, NoToken> {
        let id = |part: &str| part.parse::<Uuid>().map_err(|_| NoToken(text.to_owned()));
        match text.split_once(':') {
            None if text == "public" => Ok(Self::Public),
            None if text == "members" => Ok(Self::Members),
            Some(("org", part)) => Ok(Self::Organisation(id(part)?.into())),
            Some(("community", part)) => Ok(Self::Community(id(part)?.into())),
            Some(("person", part)) => Ok(Self::Person(id(part)?.into())),
            _ => Err(NoToken(text.to_owned())),
        }
    }
}

impl Serialize for Token {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Who may see something: a set of tokens, never empty by construction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Audience(#[schemars(with = "BTreeSet<String>")] BTreeSet<Token>);

/// How far an audience reaches, from wide to narrow. A part may not reach further than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Anyone.
    Public,
    /// Everyone signed in.
    Members,
    /// Organisations or communities.
    Group,
    /// Named persons.
    Persons,
}

impl Audience {
    /// Anyone.
    pub fn public() -> Self {
        Self::of([Token::Public])
    }
    /// Everyone signed in.
    pub fn members() -> Self {
        Self::of([Token::Members])
    }
    /// One organisation.
    pub fn organisation(id: OrganisationId) -> Self {
        Self::of([Token::Organisation(id)])
    }
    /// One community.
    pub fn community(id: CommunityId) -> Self {
        Self::of([Token::Community(id)])
    }
    /// Named persons.
    pub fn persons(ids: impl IntoIterator<Item = PersonId>) -> Self {
        Self::of(ids.into_iter().map(Token::Person))
    }
    /// These tokens.
    pub fn of(tokens: impl IntoIterator<Item = Token>) -> Self {
        Self(tokens.into_iter().collect())
    }
    /// The tokens.
    pub fn tokens(&self) -> impl Iterator<Item = Token> + '_ {
        self.0.iter().copied()
    }
    /// The tokens as text, sorted, as a view's `audience text[]` column holds them.
    pub fn to_texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    }
    /// How far it reaches: as far as its widest token.
    pub fn reach(&self) -> Reach {
        self.0
            .iter()
            .map(|token| match token {
                Token::Public => Reach::Public,
                Token::Members => Reach::Members,
                Token::Organisation(_) | Token::Community(_) => Reach::Group,
                Token::Person(_) => Reach::Persons,
            })
            .min()
            .unwrap_or(Reach::Persons)
    }
    /// Whether it names no one at all, which no command may ask for: what nobody sees, nobody can mend.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Whether no one is admitted whom the whole does not admit, as far as the tokens tell: for what is part of
    /// something with the audience `whole`, in this community.
    ///
    /// Named groups and persons narrow what is open to everyone signed in. Persons may be picked out of a group.
    /// The community's own members may be picked out of any group; another group must be one of the whole's own.
    pub fn stays_within(&self, whole: &Self, community: CommunityId) -> bool {
        let reach = whole.reach();
        self.0.iter().all(|token| {
            whole.0.contains(token)
                || match *token {
                    Token::Public => false,
                    Token::Members => reach == Reach::Public,
                    Token::Organisation(_) => reach <= Reach::Members,
                    Token::Community(id) => reach <= Reach::Members || (reach == Reach::Group && id == community),
                    Token::Person(_) => reach <= Reach::Group,
                }
        })
    }
    /// The same audience and this token.
    pub fn and(mut self, token: Token) -> Self {
        self.0.insert(token);
        self
    }
    /// Those whom both audiences admit, as far as tokens can say it: what combines two things is shown to whoever sees both.
    ///
    /// Everyone holds `public`, and whoever holds anything else is signed in. Of two different groups it cannot be said in tokens
    /// who is in both; such a pair admits no one, so that the answer is never too wide.
    pub fn narrowed(&self, by: &Self) -> Self {
        let width = |token: Token| match token {
            Token::Public => 2,
            Token::Members => 1,
            Token::Organisation(_) | Token::Community(_) | Token::Person(_) => 0,
        };
        let both = |one: Token, other: Token| match width(one).cmp(&width(other)) {
            Ordering::Less => Some(one),
            Ordering::Greater => Some(other),
            Ordering::Equal => (one == other).then_some(one),
        };
        Self(self.0.iter().flat_map(|one| by.0.iter().filter_map(move |other| both(*one, *other))).collect())
    }
    /// The rule: whether someone with these grants sees it.
    pub fn admits(&self, grants: &Grants) -> bool {
        self.0.iter().any(|token| grants.0.contains(token))
    }
}

/// What a viewer holds: the tokens that open audiences. Everyone holds `public`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grants(BTreeSet<Token>);

impl Default for Grants {
    fn default() -> Self {
        Self(BTreeSet::from([Token::Public]))
    }
}

impl Grants {
    /// These tokens, and `public`.
    pub fn of(tokens: impl IntoIterator<Item = Token>) -> Self {
        let mut grants = Self::default();
        grants.0.extend(tokens);
        grants
    }
    /// The same grants and this token.
    pub fn and(mut self, token: Token) -> Self {
        self.0.insert(token);
        self
    }
    /// The same grants without this token; what everyone holds stays.
    pub fn without(mut self, token: Token) -> Self {
        if token != Token::Public {
            self.0.remove(&token);
        }
        self
    }
    /// Whether the token is held.
    pub fn contains(&self, token: Token) -> bool {
        self.0.contains(&token)
    }
    /// The tokens as text, sorted, to bind as `$grants`.
    pub fn to_texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    }
}

/// Who looks. Every query function takes one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// The person, if signed in.
    pub person: Option<PersonId>,
    /// The person's organisation.
    pub organisation: Option<OrganisationId>,
    /// What the viewer holds.
    pub grants: Grants,
}

impl Viewer {
    /// Someone who has not signed in.
    pub fn stranger() -> Self {
        Self::default()
    }

    /// A signed-in person with the communities they belong to.
    pub fn person(person: PersonId, organisation: OrganisationId, communities: impl IntoIterator<Item = CommunityId>) -> Self {
        let own = [Token::Members, Token::Person(person), Token::Organisation(organisation)];
        Self {
            person: Some(person),
            organisation: Some(organisation),
            grants: Grants::of(own.into_iter().chain(communities.into_iter().map(Token::Community))),
        }
    }

    /// Whether this viewer sees what has that audience.
    pub fn sees(&self, audience: &Audience) -> bool {
        audience.admits(&self.grants)
    }
}

/// The Traffic Light Protocol, version 2.0 (FIRST), and how it maps onto audiences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tlp {
    /// No limit on disclosure.
    Clear,
    /// The community of the hub: everyone signed in.
    Green,
    /// The owning organisation and those it names.
    Amber,
    /// The owning organisation only.
    AmberStrict,
    /// Named persons only.
    Red,
}

impl Tlp {
    /// The audience that a marking means for an owner, the organisations it names and the persons it names.
    pub fn audience(self, owner: OrganisationId, named: &[OrganisationId], persons: &[PersonId]) -> Audience {
        match self {
            Self::Clear => Audience::public(),
            Self::Green => Audience::members(),
            Self::Amber => Audience::of(std::iter::once(owner).chain(named.iter().copied()).map(Token::Organisation)),
            Self::AmberStrict => Audience::organisation(owner),
            Self::Red => Audience::persons(persons.iter().copied()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> impl Strategy<Value = Token> {
        let id = (0u128..4).prop_map(Uuid::from_u128);
        prop_oneof![
            Just(Token::Public),
            Just(Token::Members),
            id.clone().prop_map(|id| Token::Organisation(id.into())),
            id.clone().prop_map(|id| Token::Community(id.into())),
            id.prop_map(|id| Token::Person(id.into())),
        ]
    }

    proptest! {
        #[test]
        fn a_token_survives_its_text(token in token()) {
            prop_assert_eq!(token.to_string().parse::<Token>(), Ok(token));
        }

        #[test]
        fn to_be_seen_is_to_share_a_token(audience in prop::collection::vec(token(), 1..5), grants in prop::collection::vec(token(), 0..5)) {
            let audience = Audience::of(audience);
            let grants = Grants::of(grants);
            let shared = audience.to_texts().iter().any(|t| grants.to_texts().contains(t));
            prop_assert_eq!(audience.admits(&grants), shared);
        }
    }

    /// What someone holds who may exist: a stranger, or someone signed in.
    fn grants() -> impl Strategy<Value = Grants> {
        let signed_in = prop::collection::vec(token(), 0..5).prop_map(|tokens| Grants::of(tokens.into_iter().chain([Token::Members])));
        prop_oneof![Just(Grants::default()), signed_in]
    }

    proptest! {
        #[test]
        fn what_is_narrowed_admits_no_one_whom_both_do_not_admit(
            one in prop::collection::vec(token(), 0..4), other in prop::collection::vec(token(), 0..4), grants in grants()
        ) {
            let (one, other) = (Audience::of(one), Audience::of(other));
            let narrowed = one.narrowed(&other);
            prop_assert_eq!(&narrowed, &other.narrowed(&one));
            prop_assert!(!narrowed.admits(&grants) || (one.admits(&grants) && other.admits(&grants)));
        }

        #[test]
        fn what_is_narrowed_to_everyone_signed_in_is_exact(one in prop::collection::vec(token(), 0..4), grants in grants()) {
            let one = Audience::of(one);
            for whole in [Audience::public(), Audience::members()] {
                prop_assert_eq!(one.narrowed(&whole).admits(&grants), one.admits(&grants) && whole.admits(&grants));
            }
        }
    }

    #[test]
    fn a_part_stays_within_the_whole() {
        let here: CommunityId = Uuid::from_u128(1).into();
        let (org, other): (OrganisationId, OrganisationId) = (Uuid::from_u128(2).into(), Uuid::from_u128(3).into());
        let (person, reader): (PersonId, PersonId) = (Uuid::from_u128(4).into(), Uuid::from_u128(5).into());
        let within = |part: Audience, whole: Audience| part.stays_within(&whole, here);
        assert!(within(Audience::public(), Audience::public()));
        assert!(!within(Audience::public(), Audience::members()));
        assert!(within(Audience::members(), Audience::public()));
        assert!(!within(Audience::members(), Audience::community(here)));
        assert!(within(Audience::organisation(org), Audience::members()));
        assert!(within(Audience::community(here), Audience::organisation(org)));
        assert!(!within(Audience::organisation(other), Audience::organisation(org)), "another group is no part of this one");
        assert!(within(Audience::persons([person]), Audience::community(here)));
        assert!(!within(Audience::persons([person, reader]), Audience::persons([person])));
        assert!(!within(Audience::community(here), Audience::persons([person])));
    }

    #[test]
    fn grants_come_and_go_but_for_what_everyone_holds() {
        let here = Token::Community(Uuid::from_u128(1).into());
        let grants = Grants::of([Token::Members]).and(here);
        assert!(grants.contains(here) && grants.contains(Token::Public));
        assert_eq!(grants.without(here).without(Token::Members).without(Token::Public), Grants::default());
    }

    #[test]
    fn a_stranger_sees_the_public_only() {
        let stranger = Viewer::stranger();
        assert!(stranger.sees(&Audience::public()));
        assert!(!stranger.sees(&Audience::members()));
    }

    #[test]
    fn tlp_maps_onto_audiences() {
        let (a, b, c): (OrganisationId, OrganisationId, OrganisationId) =
            (Uuid::from_u128(1).into(), Uuid::from_u128(2).into(), Uuid::from_u128(3).into());
        let reader: PersonId = Uuid::from_u128(9).into();
        let of = |organisation| Viewer::person(Uuid::from_u128(8).into(), organisation, []);
        assert!(of(b).sees(&Tlp::Amber.audience(a, &[b], &[])));
        assert!(!of(c).sees(&Tlp::Amber.audience(a, &[b], &[])));
        assert!(!of(b).sees(&Tlp::AmberStrict.audience(a, &[b], &[])));
        assert!(of(c).sees(&Tlp::Green.audience(a, &[], &[])));
        assert!(Viewer::person(reader, c, []).sees(&Tlp::Red.audience(a, &[], &[reader])));
        assert!(!of(a).sees(&Tlp::Red.audience(a, &[], &[reader])));
        assert!(Viewer::stranger().sees(&Tlp::Clear.audience(a, &[], &[])));
    }
}
