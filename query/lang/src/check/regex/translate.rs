//! Pieces of Go's regex syntax in that of Rust's `regex`.

/// A piece outside of a class. `is_item`: it stands for itself and repeats nothing.
pub fn piece(piece: &str, is_item: bool, out: &mut String) {
    match piece.as_bytes().first() {
        Some(b'\\') => escape_outside(piece, out),
        Some(b'{') if is_item => out.push_str("\\{"),
        _ => out.push_str(piece),
    }
}

fn escape_outside(piece: &str, out: &mut String) {
    match piece.as_bytes().get(1) {
        Some(b'A' | b'z') => out.push_str(piece),
        // A boundary between ASCII words can be told from any position; its absence only between characters.
        Some(b'b') => out.push_str("(?-u:\\b)"),
        Some(b'B') => out.push_str(piece),
        Some(b'Q') => out.push_str(&regex::escape(piece[2..].strip_suffix("\\E").unwrap_or(&piece[2..]))),
        _ => escape(piece, out),
    }
}

/// An escape that is legal in a class as well.
pub fn escape(piece: &str, out: &mut String) {
    out.push_str(match piece.as_bytes().get(1) {
        Some(b'd') => "[0-9]",
        Some(b'D') => "[^0-9]",
        Some(b's') => "[\\t\\n\\f\\r ]",
        Some(b'S') => "[^\\t\\n\\f\\r ]",
        Some(b'w') => "[0-9A-Za-z_]",
        Some(b'W') => "[^0-9A-Za-z_]",
        Some(b'p') if piece.starts_with("\\p{^") => return out.push_str(&piece.replacen("\\p{^", "\\P{", 1)),
        Some(b'P') if piece.starts_with("\\P{^") => return out.push_str(&piece.replacen("\\P{^", "\\p{", 1)),
        Some(b'p' | b'P') => piece,
        _ => return out.push_str(&format!("\\x{{{:x}}}", meaning(piece) as u32)),
    });
}

/// A character of a class: there Rust knows nested classes and set operations.
pub fn class_member(c: char, out: &mut String) {
    if matches!(c, '[' | '&' | '-' | '~' | '^' | ']') {
        out.push('\\');
    }
    out.push(c);
}

/// The character that an escape stands for.
pub fn meaning(escape: &str) -> char {
    let body = &escape[1..];
    let code = |digits: &str, base| u32::from_str_radix(digits, base).ok().and_then(char::from_u32);
    let first = body.chars().next().unwrap_or('\\');
    match first {
        'a' => '\u{7}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => code(body[1..].trim_matches(['{', '}']), 16).unwrap_or(first),
        '0'..='7' => code(body, 8).unwrap_or(first),
        _ => first,
    }
}
