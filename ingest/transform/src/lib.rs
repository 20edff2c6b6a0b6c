//! What happens to log records between decoding and storing.
