//! What can be wrong with the bytes of a block.

/// A block that cannot be read. Damage, a disk that fails or a program error of the writer, never a matter of the query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The bytes end early, or a number in them points outside.
    #[error("a block of bodies is cut short or contradicts itself: {0}")]
    Malformed(&'static str),
    /// A checksum differs.
    #[error("checksum of {0} in a block of bodies does not match")]
    Checksum(&'static str),
    /// The source of its bytes failed.
    #[error("a block of bodies cannot be read: {0}")]
    Unread(String),
    /// The compressor refused.
    #[error("compression of a block of bodies failed: {0}")]
    Compression(String),
}

impl From<std::io::Error> for BodyError {
    fn from(error: std::io::Error) -> Self {
        BodyError::Compression(error.to_string())
    }
}
