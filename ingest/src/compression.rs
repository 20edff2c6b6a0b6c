//! Decompression of request bodies with a cap on what comes out, kept while it comes out.

use crate::decode::DecodeError;
use crate::error::IngestError;
use crate::reason::Reason;
use std::borrow::Cow;
use std::io::Read;

/// What a body is compressed with: a `Content-Encoding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    /// RFC 9110 means zlib by it; bare deflate is read too, since some clients send that.
    Deflate,
    Zstd,
    /// One snappy block, or snappy's framing format.
    Snappy,
}

/// Largest zstd window, as power of two: 8 MiB, what RFC 8878 asks decoders to support.
const ZSTD_WINDOW_LOG: u32 = 23;
/// How snappy's framing format begins (google/snappy, framing_format.txt, section 4.1).
const SNAPPY_FRAMED: &[u8] = b"\xff\x06\x00\x00sNaPpY";
const STEP: usize = 256 * 1024;

impl Encoding {
    /// # Errors
    /// `unsupported_encoding` for anything but one of the known names.
    pub fn parse(header: &str) -> Result<Self, IngestError> {
        Ok(match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Encoding::Identity,
            "gzip" | "x-gzip" => Encoding::Gzip,
            "deflate" => Encoding::Deflate,
            "zstd" => Encoding::Zstd,
            "snappy" | "x-snappy-framed" => Encoding::Snappy,
            _ => {
                let message = "use one Content-Encoding of gzip, deflate, zstd, snappy or identity";
                return Err(IngestError::new(Reason::UnsupportedEncoding, message));
            }
        })
    }
}

/// The decompressed body. `grow` is told how many bytes there are before each further step and may refuse.
///
/// # Errors
/// `invalid_compression`, or `body_too_large` as soon as more than `max` bytes come out, or what `grow` answered.
pub fn decompress<'a>(
    encoding: Encoding,
    body: &'a [u8],
    max: usize,
    grow: impl FnMut(usize) -> Result<(), IngestError>,
) -> Result<Cow<'a, [u8]>, IngestError> {
    let mut sink = Sink { max, grow };
    match encoding {
        Encoding::Identity => sink.whole(body),
        Encoding::Gzip => sink.stream("gzip", flate2::read::MultiGzDecoder::new(body)),
        Encoding::Deflate if is_zlib(body) => sink.stream("deflate", flate2::read::ZlibDecoder::new(body)),
        Encoding::Deflate => sink.stream("deflate", flate2::read::DeflateDecoder::new(body)),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(|e| invalid("zstd", &e))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|e| invalid("zstd", &e))?;
            sink.stream("zstd", decoder)
        }
        Encoding::Snappy if body.starts_with(SNAPPY_FRAMED) => {
            sink.stream("snappy", snap::read::FrameDecoder::new(body))
        }
        Encoding::Snappy => sink.snappy_block(body),
    }
}

/// RFC 1950, section 2.2: method 8 and a header that is a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [cmf, flg, ..] if cmf & 0x0f == 8 && (u32::from(*cmf) * 256 + u32::from(*flg)).is_multiple_of(31))
}

fn invalid(name: &str, error: &dyn std::fmt::Display) -> IngestError {
    let message = format!("the body is no valid {name}: {error}");
    DecodeError { reason: Reason::InvalidCompression, message }.into()
}

struct Sink<G> {
    max: usize,
    grow: G,
}

impl<G: FnMut(usize) -> Result<(), IngestError>> Sink<G> {
    fn allow(&mut self, bytes: usize) -> Result<(), IngestError> {
        if bytes > self.max {
            let message = format!("the decompressed body has more than {} bytes; send smaller requests", self.max);
            return Err(IngestError::new(Reason::BodyTooLarge, message));
        }
        (self.grow)(bytes)
    }

    fn whole<'a>(&mut self, body: &'a [u8]) -> Result<Cow<'a, [u8]>, IngestError> {
        self.allow(body.len())?;
        Ok(Cow::Borrowed(body))
    }

    /// The block says its size, and the decoder writes no byte beyond it.
    fn snappy_block(&mut self, body: &[u8]) -> Result<Cow<'static, [u8]>, IngestError> {
        let len = snap::raw::decompress_len(body).map_err(|e| invalid("snappy", &e))?;
        self.allow(len)?;
        let mut out = vec![0; len];
        let written = snap::raw::Decoder::new().decompress(body, &mut out).map_err(|e| invalid("snappy", &e))?;
        out.truncate(written);
        Ok(Cow::Owned(out))
    }

    fn stream(&mut self, name: &str, mut from: impl Read) -> Result<Cow<'static, [u8]>, IngestError> {
        let mut out = Vec::new();
        loop {
            let read = (&mut from).take(STEP as u64).read_to_end(&mut out).map_err(|e| {
                let after = format!("{e} (after {} decompressed bytes)", out.len());
                invalid(name, &after)
            })?;
            self.allow(out.len())?;
            if read == 0 {
                return Ok(Cow::Owned(out));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    const ALL: [Encoding; 5] =
        [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy];

    fn compress(encoding: Encoding, data: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::fast();
        match encoding {
            Encoding::Identity => data.to_vec(),
            Encoding::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), level);
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
                writer.write_all(data).unwrap();
                writer.finish().unwrap()
            }
            Encoding::Zstd => zstd::encode_all(data, 1).unwrap(),
            Encoding::Snappy => snap::raw::Encoder::new().compress_vec(data).unwrap(),
        }
    }

    #[test]
    fn bombs_are_refused_at_the_cap() {
        let zeroes = vec![0; 10 << 20];
        for encoding in ALL {
            let mut most = 0;
            let bomb = compress(encoding, &zeroes);
            let error = decompress(encoding, &bomb, 1 << 20, |bytes| {
                most = most.max(bytes);
                Ok(())
            });
            assert_eq!(error.unwrap_err().reason, Reason::BodyTooLarge, "{encoding:?}");
            assert!(most <= 1 << 20);
        }
    }

    #[test]
    fn framed_snappy_and_bare_deflate_are_read() {
        let mut framed = snap::write::FrameEncoder::new(Vec::new());
        framed.write_all(b"hello").unwrap();
        let framed = framed.into_inner().unwrap();
        assert_eq!(&*decompress(Encoding::Snappy, &framed, 100, |_| Ok(())).unwrap(), b"hello");
        let mut bare = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        bare.write_all(b"hello").unwrap();
        let bare = bare.finish().unwrap();
        assert_eq!(&*decompress(Encoding::Deflate, &bare, 100, |_| Ok(())).unwrap(), b"hello");
    }

    #[test]
    fn a_torn_body_is_an_error_that_says_how_far_it_was_readable() {
        let whole = compress(Encoding::Gzip, b"hello hello hello");
        let error = decompress(Encoding::Gzip, &whole[..whole.len() - 9], 100, |_| Ok(())).unwrap_err();
        assert_eq!(error.reason, Reason::InvalidCompression);
        assert!(error.message.contains("decompressed bytes"), "{error}");
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(data in proptest::collection::vec(any::<u8>(), 0..2000)) {
            for encoding in ALL {
                let compressed = compress(encoding, &data);
                let back = decompress(encoding, &compressed, 4000, |_| Ok(())).unwrap();
                prop_assert_eq!(&*back, &data[..]);
            }
        }

        #[test]
        fn garbage_never_panics(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            for encoding in ALL {
                let _ = decompress(encoding, &data, 4000, |_| Ok(()));
            }
        }
    }
}
