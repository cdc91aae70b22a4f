//! An office: four people, a group, and the numbers that a test gives it.

use serde_json::{Value, json};
use tests::server::{PASSWORD, Server, Setup};

/// Names of flow files; no test has more numbers.
const FILES: [&str; 6] = ["0.json", "1.json", "2.json", "3.json", "4.json", "5.json"];

/// A server with alice and bob (who may what everybody may), carol (203), who supervises, and dave (204), who may nothing;
/// the first three are the group `sales`. Each number leads to a flow; `files` come beside them.
pub(crate) fn office(numbers: &[(&str, Value)], files: Vec<(&'static str, String)>) -> Server {
    let users = format!(
        "[carol]\npassword = \"{PASSWORD}\"\nnumber = \"203\"\nmay = [\"pickup\", \"listen\", \"whisper\", \"barge\"]\n\n\
         [carol.devices]\ncarol-mobile = {{ password = \"{PASSWORD}\" }}\n\n\
         [dave]\npassword = \"{PASSWORD}\"\nnumber = \"204\"\nmay = []\n\n\
         [sales]\nmembers = [\"alice\", \"bob\", \"carol\"]\nnumber = \"600\"\n"
    );
    let mut table = String::from("defaults.public = true\n");
    let mut flows = files;
    assert!(numbers.len() <= FILES.len(), "a name for each file");
    for ((number, flow), file) in numbers.iter().zip(FILES) {
        table += &format!("\"{number}\" = \"{file}\"\n");
        flows.push((file, flow.to_string()));
    }
    flows.push(("numbers.toml", table));
    flows.push(("users.toml", users));
    Server::start(Setup { flows, ..Setup::default() })
}

/// A callflow of one module.
pub(crate) fn module(name: &str, data: Value) -> Value {
    json!({ "module": name, "data": data, "children": {} })
}
