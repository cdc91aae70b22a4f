//! What a configuration may say, and what it is told when it says something else.

use super::settings::{SETTINGS, sections};
use super::*;

fn read(text: &str, environment: &[(&str, &str)]) -> Read {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Read::new(Some(("offhook.toml", text)), environment)
}

fn problems(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    read(text, environment).problems.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_at_all_is_a_whole_configuration() {
    let read = Read::new(None, []);
    assert!(read.problems.is_empty());
    let config = read.config();
    assert_eq!(config.sip.address.to_string(), "0.0.0.0:5060");
    assert_eq!(config.http.to_string(), "127.0.0.1:8080");
    assert_eq!(config.rtp.ports, 20_000..=29_999);
    assert_eq!((config.rtp.io, config.rtp.priority), (media::IoMode::Auto, media::Priority::Nice));
    assert_eq!(config.flows, None);
    assert_eq!(config.speech.provider, Provider::Espeak);
    assert_eq!((config.web.allowed, config.web.denied), (Vec::new(), Network::link_local()));
    assert_eq!((config.web.signing_key, config.web.last_good), (None, Duration::ZERO));
    assert!(config.callback_server.is_some());
}

#[test]
fn how_audio_is_carried_can_be_said() {
    let read = read("[media]\nio = \"poll\"\npriority = \"realtime\"\npin = true\n", &[]);
    assert_eq!(read.problems, vec![]);
    let rtp = read.config().rtp;
    assert_eq!((rtp.io, rtp.priority, rtp.pin), (media::IoMode::Poll, media::Priority::Realtime, true));
    assert_eq!(
        problems("[media]\nio = \"epoll\"\n", &[]),
        ["offhook.toml:2:6: error: media.io: expected \"auto\" or \"uring\" or \"poll\", found \"epoll\""]
    );
}

#[test]
fn every_default_is_accepted_when_it_is_written_down() {
    for setting in SETTINGS {
        let (section, key) = setting.split();
        let header = if section.is_empty() { String::new() } else { format!("[{section}]\n") };
        let read = read(&format!("{header}{key} = {}\n", setting.default), &[]);
        assert_eq!(read.problems, vec![], "{}", setting.key);
        assert_eq!(read.values[setting.key].0, Read::new(None, []).values[setting.key].0, "{}", setting.key);
        assert!(!setting.about.is_empty());
    }
    assert_eq!(sections().filter(|name| *name == "sip").count(), 1);
}

#[test]
fn a_file_goes_before_the_defaults_and_the_environment_before_the_file() {
    let text = "[sip]\nport = 5070\nrealm = \"a\"\n[users]\nalice = { password = \"x\", number = \"201\" }\n";
    let environment =
        [("OFFHOOK_SIP__PORT", "5080"), ("OFFHOOK_USERS__BOB__PASSWORD", "y"), ("PATH", "/bin")];
    let read = read(text, &environment);
    assert_eq!(read.problems, vec![]);
    let config = read.config();
    assert_eq!((config.sip.address.port(), config.sip.realm.as_str()), (5080, "a"));
    assert_eq!(config.users.get("alice").and_then(|user| user.number.clone()), Some("201".to_owned()));
    assert_eq!(config.users.get("bob").map(|user| user.password.clone()), Some("y".to_owned()));
}

#[test]
fn a_wrong_key_names_its_line_and_the_nearest_one() {
    assert_eq!(
        problems("[sip]\nrealm = \"a\"\nprot = 5060\n", &[]),
        ["offhook.toml:3:1: error: there is no setting sip.prot; the nearest is sip.port"]
    );
    assert_eq!(
        problems("\n[sp]\nport = 1\n", &[]),
        ["offhook.toml:2:2: error: there is no setting sp; the nearest is sip"]
    );
    assert_eq!(
        problems("port = 5060\n", &[]),
        ["offhook.toml:1:1: error: there is no setting port; there is sip.port and http.port"]
    );
    assert_eq!(
        problems("", &[("OFFHOOK_SIP__PROT", "1")]),
        ["OFFHOOK_SIP__PROT: error: there is no such setting; the nearest is OFFHOOK_SIP__PORT"]
    );
}

#[test]
fn a_wrong_value_names_its_line_and_what_was_expected() {
    assert_eq!(
        problems("[sip]\nport = 70000\n", &[]),
        ["offhook.toml:2:8: error: sip.port: expected a whole number from 0 to 65535, found 70000"]
    );
    assert_eq!(
        problems("[rtp]\nports = \"30000-20000\"\n[log]\nformat = \"xml\"\n", &[]),
        [
            "offhook.toml:2:9: error: rtp.ports: expected two ports such as \"20000-29999\", the lower first, found \"30000-20000\"",
            "offhook.toml:4:10: error: log.format: expected \"human\" or \"json\", found \"xml\"",
        ]
    );
    assert_eq!(
        problems("", &[("OFFHOOK_SIP__ALLOW_ANONYMOUS", "yes")]),
        ["OFFHOOK_SIP__ALLOW_ANONYMOUS: error: sip.allow_anonymous: expected true or false, found \"yes\""]
    );
    assert_eq!(problems("[sip]\nport = -1\n", &[]).len(), 1);
    assert_eq!(problems("[sip]\nbind = [1]\n", &[]).len(), 1);
    assert_eq!(problems("sip = 1\n", &[]), ["offhook.toml:1:7: error: expected [sip], a table"]);
}

#[test]
fn codecs_are_named_in_their_order_and_the_nearest_is_told() {
    let order = |text: &str| read(text, &[]).config().codecs.order;
    let names = |text: &str| order(text).iter().map(|codec| codec.name()).collect::<Vec<_>>();
    assert_eq!(names("[media]\ncodecs = \"PCMA, opus\"\n"), ["PCMA", "opus"]);
    assert_eq!(names("[media]\ncodecs = [\"g722\", \"L16\"]\n"), ["G722", "L16"]);
    assert_eq!(
        problems("[media]\ncodecs = \"PCMU, G729\"\n", &[]),
        [
            "offhook.toml:2:10: error: media.codecs: there is no codec \"G729\"; the nearest is G722; there are opus, G722, PCMU, PCMA, L16, L16/16000, L16/8000"
        ]
    );
    assert_eq!(
        problems("[media]\ncodecs = \"\"\n", &[]),
        ["offhook.toml:2:10: error: media.codecs: expected at least one codec"]
    );
    assert_eq!(
        problems("[media]\nopus_rate = 44100\nopus_bitrate = 100\n", &[]),
        [
            "offhook.toml:2: error: media.opus_rate: expected 8000, 12000, 16000, 24000 or 48000",
            "offhook.toml:3: error: media.opus_bitrate: expected 0, or 6000 or more"
        ]
    );
    let config = read("[media]\nopus_bitrate = 24000\nopus_dtx = true\nptime_ms = 35\n", &[]).config();
    assert_eq!((config.codecs.opus.bitrate, config.codecs.opus.dtx), (Some(24_000), true));
    assert_eq!(config.codecs.ptime_ms, 30);
}

#[test]
fn text_that_is_not_toml_names_its_line() {
    let problems = problems("[sip]\nport = \n", &[]);
    assert!(problems[0].starts_with("offhook.toml:2:"), "{problems:?}");
}

#[test]
fn an_account_without_a_password_is_refused() {
    let found = problems("[users]\nalice = { number = \"1\" }\nbob = \"x\"\n", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("offhook.toml:2:1: error: users.alice has no password"), "{found:?}");
}

#[test]
fn what_is_printed_can_be_read_again_and_tells_no_secret() {
    let text = "[sip]\nport = 5070\n[speech]\nopenai_key = \"hush\"\n[flows]\nsigning_key = \"hush\"\n[users]\nalice = { password = \"hush\" }\n";
    let printed = print::print(&read(text, &[("OFFHOOK_LOG__LEVEL", "debug")]));
    assert!(!printed.contains("hush"), "{printed}");
    assert!(printed.contains("port = 5070  # line 2 of the file; the default is 5060"), "{printed}");
    assert!(printed.contains("level = \"debug\"  # by OFFHOOK_LOG__LEVEL"), "{printed}");
    assert_eq!(problems(&printed, &[]), Vec::<String>::new());
}

#[test]
fn the_callback_server_runs_beside_the_demo_or_where_it_is_asked_for() {
    let server = |text: &str| read(text, &[]).config().callback_server.map(|address| address.port());
    assert_eq!(server(""), Some(8090));
    assert_eq!(server("[flows]\ndirectory = \"mine\"\n"), None);
    assert_eq!(server("[flows]\ndirectory = \"mine\"\n[demo]\ncallback_server = \"127.0.0.1:9\"\n"), Some(9));
    assert_eq!(server("[demo]\ncallback_server = \"\"\n"), None);
}

#[test]
fn listeners_are_listed_or_follow_bind_and_port() {
    let text = "[sip]\nport = 5070\ntcp = \"off\"\ntls = [\"0.0.0.0:5061\", \"[::]:5061\"]\n\
        tls_certificate = \"a.pem, b.pem\"\ntls_key = [\"a.key\", \"b.key\"]\n";
    let read = read(text, &[]);
    assert_eq!(read.problems, vec![]);
    let sip = read.config().sip;
    assert_eq!(sip.udp, [sip.address]);
    assert_eq!((sip.tcp.len(), sip.ws.len()), (0, 0));
    assert_eq!(sip.tls.iter().map(ToString::to_string).collect::<Vec<_>>(), ["0.0.0.0:5061", "[::]:5061"]);
    let pairs = sip.certificates.certificates.iter().map(|files| (files.chain.to_str(), files.key.to_str()));
    assert_eq!(pairs.collect::<Vec<_>>(), [(Some("a.pem"), Some("a.key")), (Some("b.pem"), Some("b.key"))]);
}

#[test]
fn tls_settings_that_do_not_fit_each_other_are_named() {
    assert_eq!(
        problems("[sip]\ntls = \"[::]:5061\"\n", &[]),
        ["offhook.toml:2: error: sip.tls: TLS needs a certificate: sip.tls_certificate and sip.tls_key"]
    );
    assert_eq!(
        problems("[sip]\ntls_certificate = \"a.pem\"\n", &[("OFFHOOK_SIP__TLS_KEY", "a, b")]),
        ["OFFHOOK_SIP__TLS_KEY: error: sip.tls_key: there are 1 certificates and 2 keys"]
    );
    assert_eq!(
        problems("[sip]\ntls_client_certificates = \"asked\"\n", &[]),
        ["offhook.toml:2: error: sip.tls_client_certificates: sip.tls_client_ca must say who signs them"]
    );
    assert_eq!(problems("[sip]\ntls = \"5061\"\n", &[]).len(), 1);
}

#[test]
fn timings_of_who_answered_are_a_section_within_another() {
    let ms = std::time::Duration::from_millis;
    let usual = read("", &[]).config().amd;
    assert_eq!(usual, switch::Config::default().amd, "the table says what the switch does without it");
    let some = read(
        "[media]\nptime_ms = 30\n[media.amd]\ntotal_ms = 8000\nmax_words = 5\n",
        &[("OFFHOOK_MEDIA__AMD__GREETING_MS", "1800")],
    );
    assert_eq!(
        some.config().amd,
        switch::AmdTimings { total: ms(8_000), max_words: 5, greeting: ms(1_800), ..usual }
    );
    assert_eq!(
        problems("[media.amd]\ntotal_ms = 20\nmax_wrods = 3\n", &[]),
        [
            "offhook.toml:2:12: error: media.amd.total_ms: expected a whole number from 500 to 120000, found 20",
            "offhook.toml:3:1: error: there is no setting media.amd.max_wrods; the nearest is media.amd.max_words",
        ]
    );
    assert_eq!(
        problems("[media.amd]\nmin_word_ms = 1000\nmax_word_ms = 900\n", &[]),
        [
            "offhook.toml:2: error: media.amd.min_word_ms: the shortest word, 1000, is no shorter than the longest, 900"
        ]
    );
    assert_eq!(
        problems("[media]\namd = 3\n", &[]),
        ["offhook.toml:2:7: error: expected [media.amd], a table"]
    );
}
