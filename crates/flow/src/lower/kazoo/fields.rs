//! Which fields the running modules have, to recognise a slip of the pen.
//!
//! Documents carry fields that no schema knows (editors' notes, older versions), so an unknown field is told only if it
//! looks like a known one.

use super::{Step, Walk};
use crate::lower::{Dialect, nearest, reference};

/// The fields of `data` by module, of those without a row in the table; `skip_module` is everywhere.
const FIELDS: &[(&str, &[&str])] = &[
    ("check_cid", &["caller_id", "regex", "use_absolute_mode", "user_id"]),
    ("cidlistmatch", &["id"]),
    ("prepend_cid", &["action", "apply_to", "caller_id_name_prefix", "caller_id_number_prefix"]),
    (
        "record_call",
        &[
            "action",
            "format",
            "label",
            "media_name",
            "method",
            "origin",
            "record_min_sec",
            "record_on_answer",
            "record_on_bridge",
            "record_sample_rate",
            "should_follow_transfer",
            "time_limit",
            "url",
        ],
    ),
    ("record_caller", &["format", "media_name", "method", "time_limit", "url"]),
    ("set_cid", &["caller_id_name", "caller_id_number"]),
];

impl Walk<'_> {
    /// Tells of a field that is probably another one, misspelt.
    pub(super) fn misspelt(&mut self, name: &str, step: &Step<'_>) {
        if reference::module(Dialect::Kazoo, name).is_some() {
            return;
        }
        let Some((_, fields)) = FIELDS.iter().find(|(module, _)| *module == name) else { return };
        let unknown = |key: &&str| !fields.contains(key) && *key != "skip_module";
        let keys: Vec<&str> = step.data.keys().filter(unknown).collect();
        for key in keys {
            let absent = fields.iter().copied().filter(|field| step.data.get(field).is_none());
            if let Some(meant) = nearest(key, absent) {
                self.warn(&step.data.at(key), format!("`{name}` has no `{key}`; did you mean `{meant}`?"));
            }
        }
    }
}
