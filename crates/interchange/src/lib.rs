//! Codecs for other people's formats
