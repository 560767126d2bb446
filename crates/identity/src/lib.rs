//! Who is this: OpenID Connect relying party, sessions, API tokens, grants
