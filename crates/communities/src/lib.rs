//! Communities that unite technical people across organisations: their charters and their members.

pub mod charter;
pub mod community;
