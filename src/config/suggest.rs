//! "Did you mean ...?"

/// The candidate that is nearest to `word`, when it is near enough to be a slip of the keyboard.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(2);
    let with_distance = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    with_distance.filter(|(far, _)| *far <= limit).min().map(|(_, candidate)| candidate)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_finds_nothing() {
        let words = ["retention", "sync", "data_dir"];
        assert_eq!(nearest("retension", words), Some("retention"));
        assert_eq!(nearest("datadir", words), Some("data_dir"));
        assert_eq!(nearest("colour", words), None);
    }
}
