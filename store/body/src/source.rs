//! [`Source`]: where a block reads its bytes when it needs them.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::ops::Range;

/// The bytes of one block. Called from whatever thread reads the block, which waits for the answer.
pub trait Source: fmt::Debug + Send + Sync {
    /// These bytes, all of them.
    ///
    /// # Errors
    /// They are not there, or cannot be read now.
    fn read(&self, range: Range<usize>) -> io::Result<Cow<'_, [u8]>>;

    /// Bytes of memory it takes.
    fn memory(&self) -> usize;
}

/// A block in memory.
impl Source for Vec<u8> {
    fn read(&self, range: Range<usize>) -> io::Result<Cow<'_, [u8]>> {
        let cut_short = || io::Error::new(io::ErrorKind::UnexpectedEof, "it ends early");
        self.get(range).map(Cow::Borrowed).ok_or_else(cut_short)
    }

    fn memory(&self) -> usize {
        self.len()
    }
}
