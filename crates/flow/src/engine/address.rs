//! Addresses that stand in a fetched program and mean something beside it (RFC 3986 §5.2).

/// `reference` as seen from the program at `base`; what has a scheme of its own stays as it is.
pub(super) fn resolve(base: &str, reference: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return reference.to_owned() };
    if has_scheme(reference) || reference.is_empty() {
        return reference.to_owned();
    }
    if reference.starts_with("//") {
        return format!("{scheme}:{reference}");
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
    let (host, path) = place.split_at(place.find('/').unwrap_or(place.len()));
    if reference.starts_with('#') {
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        return format!("{scheme}://{place}{query}{reference}");
    }
    if reference.starts_with('?') {
        return format!("{scheme}://{host}{}{reference}", if path.is_empty() { "/" } else { path });
    }
    let end = reference.find(['?', '#']).unwrap_or(reference.len());
    let (target, tail) = reference.split_at(end);
    let path = match target.starts_with('/') {
        true => target.to_owned(),
        false => format!("{}/{target}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    format!("{scheme}://{host}{}{tail}", without_dots(&path))
}

/// RFC 3986 §3.1: what stands before the first colon, if that comes before any slash.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next().unwrap_or_default();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if [".", ".."].contains(&last) {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::resolve;

    #[test]
    fn a_reference_is_seen_from_its_program() {
        let base = "https://h:8080/flows/v1/start.json?call=1#x";
        let cases = [
            ("next.json", "https://h:8080/flows/v1/next.json"),
            ("./next.json?a=../b", "https://h:8080/flows/v1/next.json?a=../b"),
            ("../other/", "https://h:8080/flows/other/"),
            ("../../../../x", "https://h:8080/x"),
            ("..", "https://h:8080/flows/"),
            ("/menu", "https://h:8080/menu"),
            ("?page=2", "https://h:8080/flows/v1/start.json?page=2"),
            ("#end", "https://h:8080/flows/v1/start.json?call=1#end"),
            ("//other/menu", "https://other/menu"),
            ("http://other/menu", "http://other/menu"),
            ("mailto:x", "mailto:x"),
            ("a/b:c", "https://h:8080/flows/v1/a/b:c"),
        ];
        for (reference, expected) in cases {
            assert_eq!(resolve(base, reference), expected, "{reference}");
        }
        assert_eq!(resolve("http://h", "x"), "http://h/x");
        assert_eq!(resolve("", "x"), "x", "a program from a file has no place to be seen from");
    }
}
