//! Speech markup, as far as one must know it to hand it on or to do without it.

/// Whether a text is SSML.
pub(super) fn is_ssml(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with("<speak") || (text.starts_with("<?xml") && text.contains("<speak"))
}

/// The words in SSML, for speakers that know no markup: tags become spaces and the five entities of XML characters.
pub(super) fn words(ssml: &str) -> String {
    let mut text = String::with_capacity(ssml.len());
    let mut rest = ssml;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        text.push_str(before);
        text.push(' ');
        // A tag that never ends takes the rest with it.
        rest = tag.find('>').and_then(|end| tag.get(end + 1..)).unwrap_or("");
    }
    text.push_str(rest);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
