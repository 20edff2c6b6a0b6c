//! [`Reason`]: the stable codes of every refusal, in one table.

/// What kind of refusal: decides the status that a client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request or some of its lines are wrong; sending them again will not help.
    Invalid,
    /// The client may not write there.
    Forbidden,
    /// The body is over a limit.
    TooLarge,
    /// A content type or encoding that is not spoken here.
    Unsupported,
    /// The client was too slow.
    Timeout,
    /// Over a limit for now.
    Overloaded,
    /// Starting, stopping.
    Unavailable,
    /// No space: reads go on, writes wait.
    StorageFull,
    /// Gantry's own fault.
    Internal,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $kind:ident;)*) => {
        /// Why lines or a request were refused. The code is stable: metrics, answers and documents use it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// Every reason, for documents and tests.
            pub const ALL: &[Reason] = &[$(Reason::$name),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Reason::$name => $code,)* }
            }

            pub const fn kind(self) -> Kind {
                match self { $(Reason::$name => Kind::$kind,)* }
            }
        }
    };
}

reasons! {
    /// The body is no protobuf message of the expected type.
    InvalidProtobuf = "invalid_protobuf", Invalid;
    /// The body or stream is no MessagePack of the expected shape.
    InvalidMsgpack = "invalid_msgpack", Invalid;
    /// The body is no journal export.
    InvalidJournal = "invalid_journal", Invalid;
    /// The body is no JSON of the expected shape.
    InvalidJson = "invalid_json", Invalid;
    /// The body does not decompress.
    InvalidCompression = "invalid_compression", Invalid;
    /// A query parameter or header makes no sense.
    InvalidParameter = "invalid_parameter", Invalid;
    /// An action that changes or removes lines, on a door where they are only added.
    UnsupportedAction = "unsupported_action", Invalid;
    /// A Splunk event without its field `event`, or with an empty one.
    MissingEvent = "missing_event", Invalid;
    /// A credential is missing or wrong.
    Unauthorized = "unauthorized", Forbidden;
    /// The tenant header is no tenant name.
    InvalidTenant = "invalid_tenant", Invalid;
    /// The tenant is Gantry's own.
    ReservedTenant = "reserved_tenant", Forbidden;
    /// The request body, compressed or decompressed, is over its limit.
    BodyTooLarge = "body_too_large", TooLarge;
    UnsupportedContentType = "unsupported_content_type", Unsupported;
    UnsupportedEncoding = "unsupported_encoding", Unsupported;
    /// The client did not send the body in time.
    BodyTimeout = "body_timeout", Timeout;
    /// The connection broke before the body was complete.
    BodyIncomplete = "body_incomplete", Invalid;
    /// A label string such as `{app="web"}` does not parse.
    InvalidLabels = "invalid_labels", Invalid;
    /// A stream without any label.
    MissingLabels = "missing_labels", Invalid;
    TooManyLabels = "too_many_labels", Invalid;
    InvalidLabelName = "invalid_label_name", Invalid;
    LabelNameTooLong = "label_name_too_long", Invalid;
    LabelValueTooLong = "label_value_too_long", Invalid;
    LineTooLong = "line_too_long", Invalid;
    MetadataTooLarge = "metadata_too_large", Invalid;
    TooManyMetadata = "too_many_metadata", Invalid;
    /// The text of a timestamp makes no sense.
    InvalidTimestamp = "invalid_timestamp", Invalid;
    /// Before 1677 or after 2262: does not fit into 64 bits of nanoseconds.
    TimestampOutOfRange = "timestamp_out_of_range", Invalid;
    TooFarBehind = "too_far_behind", Invalid;
    TooFarAhead = "too_far_ahead", Invalid;
    /// The body is no text exposition, OpenMetrics, line protocol or whatever text its path promises.
    InvalidText = "invalid_text", Invalid;
    /// A series without the label `__name__`.
    MissingMetricName = "missing_metric_name", Invalid;
    /// Older than the newest sample of its series by more than the out-of-order window.
    OutOfOrder = "out_of_order", Invalid;
    /// The instant has another value already.
    DuplicateTimestamp = "duplicate_timestamp", Invalid;
    /// The tenant has as many active series as it may.
    SeriesLimit = "series_limit", Invalid;
    /// The tenant began as many series in this hour as it may.
    ChurnLimit = "churn_limit", Invalid;
    /// More labels, or longer names or values, than a series may have.
    LabelLimit = "label_limit", Invalid;
    /// A histogram that contradicts itself.
    InvalidHistogram = "invalid_histogram", Invalid;
    /// A kind of value that cannot be kept, such as a text among numbers.
    UnsupportedValue = "unsupported_value", Invalid;
    /// A difference to a value that is not known, because state for so many series is not kept.
    DeltaLimit = "delta_limit", Invalid;
    /// A target that is scraped does not answer, or not with 200.
    ScrapeFailed = "scrape_failed", Unavailable;
    /// A scrape has more samples than its job may have.
    SampleLimit = "sample_limit", Invalid;
    /// A syslog frame or Fluent message that is over the limit or not framed as announced.
    InvalidFrame = "invalid_frame", Invalid;
    /// The tenant sends more bytes per second than it may.
    RateLimited = "rate_limited", Overloaded;
    /// Too much is in flight already, or the store's queue is full.
    Overloaded = "overloaded", Overloaded;
    StorageFull = "storage_full", StorageFull;
    Unavailable = "unavailable", Unavailable;
    /// A transform dropped the line on purpose; its sender is told that it was accepted.
    DroppedByTransform = "dropped_by_transform", Invalid;
    /// The store does not take these lines.
    RefusedByStore = "refused_by_store", Invalid;
    Internal = "internal", Internal;
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_used_once() {
        let codes: HashSet<&str> = Reason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
