//! Patterns: literal text with `<name>` and `<_>` for what lies between.

enum Node<'p> {
    /// With its brackets.
    Capture(&'p str),
    Literal,
}

const UNNAMED: &str = "<_>";

/// The pattern of the `pattern` stage: something is captured by name, and nothing twice.
pub fn pattern_parser(pattern: &str) -> Result<(), String> {
    let nodes = nodes(pattern);
    if nodes.is_empty() {
        return Err(
            "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL".into()
        );
    }
    let names: Vec<&str> = captures(&nodes).filter(|name| *name != UNNAMED).collect();
    if names.is_empty() {
        return Err("at least one capture is required".into());
    }
    no_neighbours(&nodes)?;
    match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        Some((_, name)) => {
            let name = name.trim_matches(['<', '>']);
            Err(format!("duplicate capture name ({name}): invalid expression"))
        }
        None => Ok(()),
    }
}

/// The pattern of `|>` and `!>`: nothing is named.
pub fn line_pattern(pattern: &str) -> Result<(), String> {
    let nodes = nodes(pattern);
    no_neighbours(&nodes)?;
    match captures(&nodes).find(|name| *name != UNNAMED) {
        Some(name) => Err(format!("named captures are not allowed: found '{name}'")),
        None => Ok(()),
    }
}

fn captures<'a>(nodes: &'a [Node<'a>]) -> impl Iterator<Item = &'a str> {
    nodes.iter().filter_map(|node| match node {
        Node::Capture(name) => Some(*name),
        Node::Literal => None,
    })
}

fn no_neighbours(nodes: &[Node<'_>]) -> Result<(), String> {
    for pair in nodes.windows(2) {
        if let [Node::Capture(a), Node::Capture(b)] = pair {
            return Err(format!("found consecutive capture '{a}{b}': invalid expression"));
        }
    }
    Ok(())
}

fn nodes(pattern: &str) -> Vec<Node<'_>> {
    let mut nodes = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let length = capture_len(rest);
        match (length, nodes.last()) {
            (Some(length), _) => nodes.push(Node::Capture(&rest[..length])),
            (None, Some(Node::Literal)) => {}
            (None, _) => nodes.push(Node::Literal),
        }
        rest = &rest[length.unwrap_or(c.len_utf8())..];
    }
    nodes
}

fn capture_len(text: &str) -> Option<usize> {
    let name = text.strip_prefix('<')?;
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))?;
    let legal = name[end..].starts_with('>') && end > 0 && !name.starts_with(|c: char| c.is_ascii_digit());
    legal.then_some(end + 2)
}
