//! The tokens of LogQL and the names that error messages give them.

macro_rules! tokens {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// Kind of a token. The order is the order in which messages list what was expected.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Token { $($variant),* }

        /// By number of the kind.
        pub const NAMES: &[&str] = &[$($name),*];

        const ALL: &[Token] = &[$(Token::$variant),*];
    };
}

tokens! {
    End "$end", Bytes "BYTES", Identifier "IDENTIFIER", String "STRING", Number "NUMBER",
    FunctionFlag "FUNCTION_FLAG", Duration "DURATION", Range "RANGE", Eq "=", Re "=~", Nre "!~", Npa "!>",
    OpenBrace "{", CloseBrace "}", CloseBracket "]", Comma ",", Dot ".", PipeMatch "|~", PipeExact "|=",
    PipePattern "|>", OpenParen "(", CloseParen ")", By "by", Without "without", CountOverTime "COUNT_OVER_TIME",
    Rate "RATE", RateCounter "RATE_COUNTER", Sum "SUM", Sort "SORT", SortDesc "SORT_DESC", Avg "AVG", Max "MAX",
    Min "MIN", Count "COUNT", Stddev "STDDEV", Stdvar "STDVAR", Bottomk "BOTTOMK", Topk "TOPK",
    ApproxTopk "APPROX_TOPK", BytesOverTime "BYTES_OVER_TIME", BytesRate "BYTES_RATE", Bool "bool", Json "json",
    Regexp "regexp", Logfmt "logfmt", Pipe "|", LineFormat "line_format", LabelFormat "label_format",
    Unwrap "unwrap", AvgOverTime "AVG_OVER_TIME", SumOverTime "SUM_OVER_TIME", MinOverTime "MIN_OVER_TIME",
    MaxOverTime "MAX_OVER_TIME", StdvarOverTime "STDVAR_OVER_TIME", StddevOverTime "STDDEV_OVER_TIME",
    QuantileOverTime "QUANTILE_OVER_TIME", BytesConv "BYTES_CONV", DurationConv "DURATION_CONV",
    DurationSecondsConv "DURATION_SECONDS_CONV", FirstOverTime "FIRST_OVER_TIME", LastOverTime "LAST_OVER_TIME",
    AbsentOverTime "ABSENT_OVER_TIME", Vector "VECTOR", LabelReplace "LABEL_REPLACE", Unpack "unpack",
    Offset "offset", Pattern "pattern", Ip "ip", On "on", Ignoring "ignoring", GroupLeft "group_left",
    GroupRight "group_right", Decolorize "decolorize", Drop "drop", Keep "keep", Or "or", And "and",
    Unless "unless", CmpEq "==", Neq "!=", Lt "<", Lte "<=", Gt ">", Gte ">=", Add "+", Sub "-", Mul "*", Div "/",
    Mod "%", Pow "^",
}

impl Token {
    pub fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// Words that are functions only before `(` (or a grouping); elsewhere they are identifiers.
    pub fn function(word: &str) -> Option<Token> {
        let named = |token: &&Token| match token {
            Token::BytesConv => word == "bytes",
            Token::DurationConv => word == "duration",
            Token::DurationSecondsConv => word == "duration_seconds",
            Token::Ip => word == "ip",
            _ => token.is_function() && token.name().eq_ignore_ascii_case(word),
        };
        ALL.iter().find(named).copied()
    }

    fn is_function(self) -> bool {
        let name = self.name();
        let spelled_large = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        spelled_large && self as u8 > Token::Range as u8
    }

    /// Operators, punctuation and reserved words.
    pub fn fixed(word: &str) -> Option<Token> {
        let reserved = |token: Token| token as u8 > Token::Range as u8 && !token.is_function() && token != Token::Ip;
        ALL.iter().find(|token| reserved(**token) && token.name() == word).copied()
    }
}
