//! The Dockerfile and the compose file, without an engine: what can be read off them, and their steps run natively.
//!
//! Sources exist, the user is not root, ports are the binary's defaults, the packages installed are the ones the binary
//! needs; then the image's build command builds, its command starts with its environment as an unprivileged user, its
//! health check passes, the caller of the compose file calls, and the stop signal ends it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tests::peers::process::Process;
use tests::{root, server, wait};

/// One instruction of a Dockerfile, its continued lines joined.
#[derive(Debug)]
struct Instruction {
    /// `RUN`, `COPY`, …
    name: String,
    rest: String,
    /// How many `FROM` came before it.
    stage: usize,
}

impl Instruction {
    fn words(&self) -> Vec<String> {
        match serde_json::from_str(&self.rest) {
            Ok(list) => list,
            Err(_) => self.rest.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

struct Dockerfile(Vec<Instruction>);

impl Dockerfile {
    fn read(name: &str) -> Dockerfile {
        let text = fs::read_to_string(root().join("docker").join(name)).expect("a Dockerfile");
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
        let joined = lines.join("\n").replace("\\\n", " ");
        let mut instructions = Vec::new();
        let mut stage = 0;
        for line in joined.lines().filter(|line| !line.trim().is_empty()) {
            let (name, rest) = line.split_once(char::is_whitespace).expect("an instruction with arguments");
            if name == "FROM" {
                stage += 1;
            }
            let known = [
                "FROM",
                "RUN",
                "COPY",
                "WORKDIR",
                "ENV",
                "USER",
                "VOLUME",
                "EXPOSE",
                "HEALTHCHECK",
                "STOPSIGNAL",
                "CMD",
                "ENTRYPOINT",
            ];
            assert!(known.contains(&name), "{name} is not an instruction we use");
            instructions.push(Instruction { name: name.to_owned(), rest: rest.trim().to_owned(), stage });
        }
        assert_eq!(instructions.first().map(|first| first.name.as_str()), Some("FROM"));
        Dockerfile(instructions)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Instruction> {
        self.0.iter().filter(move |instruction| instruction.name == name)
    }

    /// The one instruction of this name in the last stage.
    fn last_stage(&self, name: &str) -> &Instruction {
        let last = self.0.last().expect("instructions").stage;
        let found: Vec<_> = self.all(name).filter(|instruction| instruction.stage == last).collect();
        assert_eq!(found.len(), 1, "{name} stands once in the last stage");
        found[0]
    }
}

/// Values of a YAML file of maps and lists of one line each, by path: `services.caller.command`.
fn yaml(name: &str) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(root().join("docker").join(name)).expect("a compose file");
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        assert!(!line.contains('\t'), "a tab in {name}: {line}");
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(item) = line.strip_prefix("- ") {
            path.retain(|(at, _)| *at < indent);
            let key = path.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
            values.entry(key).or_default().push(item.to_owned());
            continue;
        }
        let (key, value) =
            line.split_once(':').unwrap_or_else(|| panic!("{name}: neither `key:` nor `- item`: {line}"));
        path.retain(|(at, _)| *at < indent);
        path.push((indent, key.to_owned()));
        let key = path.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
        values
            .entry(key)
            .or_default()
            .extend(Some(value.trim().to_owned()).filter(|value| !value.is_empty()));
    }
    values
}

fn one<'a>(values: &'a BTreeMap<String, Vec<String>>, path: &str) -> &'a str {
    match values.get(path).map(Vec::as_slice) {
        Some([value]) => value,
        other => panic!("{path} is {other:?}"),
    }
}

/// A setting's default as `offhook config print` shows it.
fn default_of(section: &str, key: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(server::binary())
        .args(["config", "print"])
        .current_dir(folder.path())
        .output()
        .expect("the binary runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let section = text.split_once(&format!("[{section}]")).expect("the section").1;
    let line = section.lines().find(|line| line.starts_with(&format!("{key} = "))).expect("the key");
    line.split_once(" = ").expect("a value").1.trim_matches('"').to_owned()
}

#[test]
fn what_is_copied_exists_and_reaches_the_engine() {
    let ignored = fs::read_to_string(root().join("docker/Dockerfile.dockerignore")).expect("an ignore file");
    for copy in Dockerfile::read("Dockerfile").all("COPY").filter(|copy| !copy.rest.starts_with("--from=")) {
        let words = copy.words();
        for source in &words[..words.len() - 1] {
            assert!(root().join(source).exists(), "COPY {source}: there is no such file");
            assert!(ignored.lines().any(|line| line == format!("!{source}")), "{source} is ignored");
        }
    }
}

#[test]
fn every_member_of_the_workspace_is_copied() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let members = manifest.lines().find(|line| line.starts_with("members = ")).expect("the members");
    let dockerfile = Dockerfile::read("Dockerfile");
    let copied: Vec<String> = dockerfile.all("COPY").flat_map(Instruction::words).collect();
    for member in members.split('"').skip(1).step_by(2) {
        let folder = member.trim_end_matches("/*");
        // A folder is copied with what is below it.
        let holds = |source: &String| source == folder || folder.starts_with(&format!("{source}/"));
        assert!(copied.iter().any(holds), "{folder} is not copied");
    }
}

#[test]
fn the_image_is_built_in_stages_and_runs_unprivileged_with_a_health_check() {
    let dockerfile = Dockerfile::read("Dockerfile");
    assert_eq!(dockerfile.all("FROM").count(), 2);
    assert!(dockerfile.all("FROM").all(|from| from.rest.contains(':')), "a base image without a version");
    let user = &dockerfile.last_stage("USER").rest;
    assert!(!["root", "0"].contains(&user.as_str()));
    let run = &dockerfile.last_stage("RUN").rest;
    assert!(run.contains("useradd") && run.ends_with(&format!("/etc/{user}")), "{user} is made");
    for package in ["libopus0", "libssl3", "libmp3lame0", "espeak-ng"] {
        assert!(run.contains(package), "{package} is not in the image");
    }
    assert!(dockerfile.last_stage("HEALTHCHECK").rest.contains("CMD [\"offhook\", \"health\"]"));
    let volumes = dockerfile.last_stage("VOLUME").words();
    let data = dockerfile.last_stage("ENV").rest.split_once('=').expect("a value").1.to_owned();
    assert!(volumes.contains(&data), "the data directory {data} is no volume");
    // What apt leaves behind has no place in a layer.
    for run in dockerfile.all("RUN").filter(|run| run.rest.contains("apt-get install")) {
        assert!(
            run.rest.contains("--no-install-recommends") && run.rest.contains("rm -rf /var/lib/apt/lists/*")
        );
    }
}

#[test]
fn the_ports_are_the_binarys_defaults() {
    let mut exposed = Dockerfile::read("Dockerfile").last_stage("EXPOSE").words();
    let (sip, http, rtp) =
        (default_of("sip", "port"), default_of("http", "port"), default_of("rtp", "ports"));
    let mut expected =
        vec![format!("{sip}/udp"), format!("{sip}/tcp"), format!("{http}/tcp"), format!("{rtp}/udp")];
    exposed.sort();
    expected.sort();
    assert_eq!(exposed, expected);
    let command = one(&yaml("compose.yml"), "services.caller.command").to_owned();
    assert!(command.ends_with(&format!(":{sip}")), "{command}");
}

#[test]
fn the_compose_files_images_and_volumes_exist() {
    let compose = yaml("compose.yml");
    for service in ["offhook", "caller"] {
        let context = root().join("docker").join(one(&compose, &format!("services.{service}.build.context")));
        let file = context.join(one(&compose, &format!("services.{service}.build.dockerfile")));
        assert!(file.exists(), "{} is missing", file.display());
    }
    for volume in &compose["services.offhook.volumes"] {
        let (name, path) = volume.split_once(':').expect("a name and a place");
        assert!(compose.contains_key(&format!("volumes.{name}")), "{name} is not declared");
        assert!(
            Dockerfile::read("Dockerfile").last_stage("VOLUME").words().iter().any(|volume| volume == path)
        );
    }
    assert_eq!(one(&compose, "services.caller.depends_on.offhook.condition"), "service_healthy");
    let caller = Dockerfile::read("sipp.Dockerfile");
    assert_ne!(caller.last_stage("USER").rest, "root");
    let stop: u64 =
        one(&compose, "services.offhook.stop_grace_period").trim_end_matches('s').parse().expect("seconds");
    let drain: u64 = default_of("calls", "drain_s").parse().expect("seconds");
    assert!(stop > drain, "the engine would kill calls that are still drained");
}

#[test]
fn the_images_steps_build_start_answer_and_stop_on_this_machine() {
    let dockerfile = Dockerfile::read("Dockerfile");
    let build = dockerfile.all("RUN").find(|run| run.rest.starts_with("cargo build")).expect("a build step");
    let words = build.words();
    let mut cargo = Command::new(env!("CARGO"));
    // What `cargo test` tells of this package would make build scripts run again, and much be built again.
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars().filter(|(name, _)| told(name)) {
        cargo.env_remove(name);
    }
    let built = cargo.args(&words[1..]).current_dir(root()).status().expect("cargo runs");
    assert!(built.success(), "{} fails", build.rest);

    // `COPY --from=build`: into a folder that an unprivileged user may read.
    let image = tempfile::Builder::new().prefix("offhook-image").tempdir().expect("a folder");
    let copy = dockerfile
        .all("COPY")
        .find(|copy| copy.rest.starts_with("--from=build"))
        .expect("the binary is copied");
    assert!(copy.words()[1].ends_with("/target/release/offhook"));
    let binary = image.path().join("offhook");
    fs::copy(server::binary(), &binary).expect("the binary is copied");
    let data = image.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let (sip, http) = (server::free_port(), server::free_port());
    let mut command = unprivileged(image.path(), &data, &binary);
    let cmd = dockerfile.last_stage("CMD").words();
    assert_eq!(cmd[0], "offhook");
    let (variable, _) = dockerfile.last_stage("ENV").rest.split_once('=').expect("a value");
    command
        .args(&cmd[1..])
        .current_dir(image.path())
        .env(variable, &data)
        .env("OFFHOOK_SIP__PORT", sip.to_string())
        .env("OFFHOOK_HTTP__PORT", http.to_string())
        .env("OFFHOOK_DEMO__CALLBACK_SERVER", "");
    let mut offhook = Process::start("offhook", &mut command);

    let check = dockerfile.last_stage("HEALTHCHECK").rest.split_once("CMD ").expect("a command").1.to_owned();
    let check: Vec<String> = serde_json::from_str(&check).expect("the exec form");
    wait::until("the health check to pass", Duration::from_secs(20), || {
        let url = format!("http://127.0.0.1:{http}");
        let health =
            Command::new(&binary).args(&check[1..]).env("OFFHOOK_URL", url).output().expect("it runs");
        health.status.success().then_some(())
    });

    let compose = yaml("compose.yml");
    let command = one(&compose, "services.caller.command").replace("5060", &sip.to_string());
    let entrypoint = Dockerfile::read("sipp.Dockerfile").last_stage("ENTRYPOINT").words();
    let mut caller = Command::new(&entrypoint[0]);
    caller
        .args(command.split_whitespace())
        .args(["-p", &server::free_port().to_string()])
        .current_dir(image.path());
    let called = Process::start("the caller", &mut caller).wait_exit(Duration::from_secs(30));
    assert!(called.success(), "the caller of compose.yml: {called}");

    offhook.signal(dockerfile.last_stage("STOPSIGNAL").rest.trim_start_matches("SIG"));
    let stopped = offhook.wait_exit(Duration::from_secs(20));
    assert!(stopped.success(), "{stopped}");
}

/// The command as a user that is not root, where this process may choose one.
fn unprivileged(image: &Path, data: &Path, binary: &Path) -> Command {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let uid = 10_001;
    let root = fs::metadata(image).expect("our folder").uid() == 0;
    if !root {
        return Command::new(binary);
    }
    fs::set_permissions(image, fs::Permissions::from_mode(0o755)).expect("ours to change");
    chown(data, Some(uid), Some(uid)).expect("root may");
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "10001", "--regid", "10001", "--clear-groups", "--no-new-privs"]).arg(binary);
    command
}
