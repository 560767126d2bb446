//! The demonstration's departments and people. All are invented, and their addresses end in `.example` (RFC 2606).

/// A department with an identity provider of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Department {
    /// Its address within the hub.
    pub slug: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What its people call their provider.
    pub provider: &'static str,
    /// Its people.
    pub people: [Person; 4],
}

/// Someone to sign in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name to sign in by; the provider's subject is made of it.
    pub username: &'static str,
    /// The name to show.
    pub name: &'static str,
    /// The email address.
    pub email: &'static str,
    /// What they do, in a few words.
    pub post: &'static str,
    /// What they are besides members.
    pub roles: &'static [Role],
}

/// A role that the demonstration grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Looks after the whole hub.
    Steward,
    /// Administers the department.
    OrganisationAdmin,
}

impl Person {
    /// The subject (`sub`) by which the department's provider knows the person. It never changes.
    pub fn subject(&self) -> String {
        format!("demo-{}", self.username)
    }
}

/// The two departments.
pub const DEPARTMENTS: [Department; 2] = [
    Department {
        slug: "rivers-and-coasts",
        name: "Department of Rivers and Coasts",
        provider: "Rivers and Coasts staff sign-in",
        people: [
            Person {
                username: "ngozi",
                name: "Ngozi Amberley",
                email: "ngozi.amberley@rivers.example",
                post: "Head of secure engineering",
                roles: &[Role::Steward, Role::OrganisationAdmin],
            },
            Person {
                username: "tomasz",
                name: "Tomasz Wrenfield",
                email: "tomasz.wrenfield@rivers.example",
                post: "Platform engineer",
                roles: &[],
            },
            Person {
                username: "priya",
                name: "Priya Sandoval-Reed",
                email: "priya.sandoval-reed@rivers.example",
                post: "Security architect",
                roles: &[],
            },
            Person {
                username: "eilidh",
                name: "Eilidh MacCorran",
                email: "eilidh.maccorran@rivers.example",
                post: "Incident lead, licensing",
                roles: &[],
            },
        ],
    },
    Department {
        slug: "national-lantern-service",
        name: "National Lantern Service",
        provider: "Lantern Service sign-in",
        people: [
            Person {
                username: "jun",
                name: "Jun Hartigan-Mori",
                email: "jun.hartigan-mori@lantern.example",
                post: "Head of operations",
                roles: &[Role::OrganisationAdmin],
            },
            Person {
                username: "amina",
                name: "Amina Lindqvist-Bah",
                email: "amina.lindqvist-bah@lantern.example",
                post: "Reliability engineer",
                roles: &[],
            },
            Person {
                username: "rhys",
                name: "Rhys Oyelaran-Pugh",
                email: "rhys.oyelaran-pugh@lantern.example",
                post: "Release engineer",
                roles: &[],
            },
            Person {
                username: "leilani",
                name: "Leilani Brockhurst",
                email: "leilani.brockhurst@lantern.example",
                post: "Open source lead",
                roles: &[],
            },
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn everyone_is_told_apart() {
        let people: Vec<&Person> = DEPARTMENTS.iter().flat_map(|department| &department.people).collect();
        for distinct in [|p: &&Person| p.username, |p: &&Person| p.name, |p: &&Person| p.email] {
            assert_eq!(people.iter().map(distinct).collect::<BTreeSet<_>>().len(), people.len());
        }
        assert!(people.iter().all(|person| person.email.ends_with(".example")));
    }
}
