//! Documents with something changed at random: whatever a customer writes or a callback server answers, reading and
//! running it comes to an end without a panic.

use std::{fs, path::Path};

use flow::lower::Dialect;
use serde_json::{Value, json};

/// Marsaglia's xorshift, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    fn junk(&mut self) -> Value {
        let all = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(1e300),
            json!(4_000_000_000_u64),
            json!(""),
            json!("0"),
            json!("$a.b[0] + 1"),
            json!("${x"),
            json!("${...keyPresses}"),
            json!("((("),
            json!("00000000-0000-0000-0000-000000000001"),
            json!([]),
            json!({}),
            json!([null]),
            json!({ "type": "SAY" }),
            json!({ "type": "goto" }),
            json!("#"),
            json!("A".repeat(300)),
        ];
        all[self.below(all.len())].clone()
    }

    /// Changes one place of `value`.
    fn change(&mut self, value: &mut Value) {
        let stop = self.below(3) == 0;
        match value {
            Value::Array(items) if !items.is_empty() && !stop => {
                let at = self.below(items.len());
                match self.below(6) {
                    0 => drop(items.remove(at)),
                    1 => items.insert(at, items[at].clone()),
                    2 => items.reverse(),
                    _ => self.change(&mut items[at]),
                }
            }
            Value::Object(members) if !members.is_empty() && !stop => {
                let at = self.below(members.len());
                let key = members.keys().nth(at).cloned().unwrap_or_default();
                match self.below(6) {
                    0 => drop(members.remove(&key)),
                    1 => drop(members.insert(format!("{key}x"), json!(1))),
                    _ => self.change(&mut members[&key]),
                }
            }
            other => *other = self.junk(),
        }
    }
}

#[test]
fn a_changed_document_runs_to_an_end() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for (folder, dialect) in [("voipbin", Dialect::Voipbin), ("voxology", Dialect::Voxology)] {
        let mut paths: Vec<_> = fs::read_dir(golden.join(folder))
            .expect("the golden flows")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        assert!(!paths.is_empty());
        for path in paths {
            let text = fs::read_to_string(&path).expect("a document");
            let original: Value = serde_json::from_str(&text).expect("JSON");
            for _ in 0..150 {
                let (mut document, mut reply) = (original.clone(), original.clone());
                for _ in 0..1 + random.below(4) {
                    random.change(&mut document);
                    random.change(&mut reply);
                }
                let script =
                    format!("http 200 {reply}\nhttp 200 {document}\nwait 1 wait 5# wait 2s 12 wait gone");
                let transcript = flow::sim::run(&document, Some(dialect), &script);
                let ended = transcript.contains(" end: ") || transcript.starts_with('!');
                assert!(ended, "{}: {document}\n{transcript}", path.display());
            }
        }
    }
}
