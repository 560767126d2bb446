//! The pages: each one GraphQL document and one template
