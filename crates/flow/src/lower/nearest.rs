//! The known name that a misspelt one was probably meant to be.

/// The nearest of `known` to `name`, if it is near enough to be a slip; case does not count.
pub fn nearest<'a, T>(name: &str, known: impl IntoIterator<Item = &'a T>) -> Option<&'a str>
where
    T: AsRef<str> + ?Sized + 'a,
{
    let name = name.to_lowercase();
    let slips = 1 + name.chars().count() / 4;
    known
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.as_ref().to_lowercase()), candidate.as_ref()))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements that lead from `a` to `b` (Levenshtein), in one row of memory.
fn distance(a: &str, b: &str) -> usize {
    // A name of a page's length is no slip, and comparing it would cost time.
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row, vec![i + 1]);
        for (j, y) in b.iter().enumerate() {
            let above = diagonal.get(j + 1).copied().unwrap_or(usize::MAX - 1);
            let corner = diagonal.get(j).copied().unwrap_or(usize::MAX - 1);
            let left = row.last().copied().unwrap_or(usize::MAX - 1);
            row.push((corner + usize::from(x != *y)).min(above + 1).min(left + 1));
        }
        diagonal.clear();
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_does_not() {
        let known = ["COLLECT", "CONFERENCE", "SAY", "SMS"];
        assert_eq!(nearest("COLECT", &known), Some("COLLECT"));
        assert_eq!(nearest("conferance", &known), Some("CONFERENCE"));
        assert_eq!(nearest("SAI", &known), Some("SAY"));
        assert_eq!(nearest("FAX", &known), None);
        assert_eq!(nearest(&"x".repeat(10_000), &known), None);
    }
}
