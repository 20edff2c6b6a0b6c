//! Real clients of other systems as senders: the official Elasticsearch client, rsyslog's Elasticsearch output, Fluent's
//! logger, `systemd-journal-upload`; and all of it under TLS with client certificates.

use crate::harness::client::entries;
use crate::harness::{Launch, Server, eventually, now_ns, venv};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const DAY: u64 = 86_400_000_000_000;

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gantry/py").join(name)
}

/// Runs to the end, which must be a good one.
async fn run(mut command: Command) {
    let shown = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.unwrap_or_else(|cause| panic!("{shown}: {cause}; ./test.sh setup installs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}: {}\n{said}", output.status);
}

async fn texts(server: &Server, query: &str) -> Vec<String> {
    let lines = server.loki.lines(query, now_ns() - DAY, now_ns() + DAY).await;
    let mut texts: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    texts.sort();
    texts
}

fn numbered(count: usize, text: impl Fn(usize) -> String) -> Vec<String> {
    let mut texts: Vec<String> = (0..count).map(text).collect();
    texts.sort();
    texts
}

/// Waits until so many lines are found.
async fn arrived(server: &Server, query: &str, count: usize) -> Vec<String> {
    eventually("the lines arrive", Duration::from_secs(30), async || {
        Some(texts(server, query).await).filter(|found| found.len() >= count)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_elasticsearch_client_stores_documents_and_hears_of_each_refusal() {
    let server = Launch::new().start().await;
    for (index, url) in [("direct", server.url().to_owned()), ("prefixed", format!("{}/elasticsearch", server.url()))] {
        let mut client = Command::new(venv("python3"));
        client.arg(script("elastic_client.py")).args([&url, index, "50"]);
        run(client).await;
        let wanted = numbered(51, |n| format!("elastic line {n} with ünïcode"));
        assert_eq!(texts(&server, &format!("{{index=\"{index}\",host=\"h1\"}}")).await, wanted);
        let by_metadata = format!("{{index=\"{index}\"}} | http_status=\"207\"");
        assert_eq!(texts(&server, &by_metadata).await.len(), 1);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_sends_through_its_elasticsearch_output() {
    let server = Launch::new().start().await;
    let scratch = server.scratch().to_owned();
    let input = scratch.join("input.log");
    std::fs::write(&input, (0..20).map(|n| format!("rsyslog line {n}\n")).collect::<String>()).unwrap();
    let (host, port) = server.url().trim_start_matches("http://").rsplit_once(':').unwrap();
    let config = format!(
        "module(load=\"imfile\")\nmodule(load=\"omelasticsearch\")\nglobal(workDirectory=\"{work}\")\n\
         template(name=\"doc\" type=\"list\" option.jsonf=\"on\") {{ property(outname=\"message\" name=\"msg\" format=\"jsonf\") \
         property(outname=\"@timestamp\" name=\"timereported\" dateFormat=\"rfc3339\" format=\"jsonf\") }}\n\
         input(type=\"imfile\" File=\"{file}\" Tag=\"t\")\n\
         action(type=\"omelasticsearch\" server=\"{host}\" serverport=\"{port}\" template=\"doc\" searchIndex=\"rsyslog\" \
         searchType=\"\" bulkmode=\"on\" action.resumeRetryCount=\"-1\")\n",
        work = scratch.display(),
        file = input.display(),
    );
    let file = scratch.join("rsyslog.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new("/usr/sbin/rsyslogd");
    command
        .args(["-n", "-i", "NONE", "-f"])
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut rsyslog = command.spawn().expect("rsyslogd runs; ./test.sh setup installs it");
    let found = arrived(&server, "{index=\"rsyslog\"}", 20).await;
    rsyslog.kill().unwrap();
    rsyslog.wait().unwrap();
    assert_eq!(found, numbered(20, |n| format!("rsyslog line {n}")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fluent_loggers_events_keep_tag_and_fields() {
    let mut server = Launch::new().set("server.fluent", "127.0.0.1:0").start().await;
    let address = server.printed("Fluent").await;
    let port = address.rsplit_once(':').unwrap().1;
    let mut client = Command::new(venv("python3"));
    client.arg(script("fluent_client.py")).args([port, "app", "50"]);
    run(client).await;
    let found = arrived(&server, "{tag=\"app.web\"}", 50).await;
    assert_eq!(found, numbered(50, |n| format!("fluent line {n} with ünïcode")));
    assert_eq!(texts(&server, "{tag=\"app.web\"} | user_id=\"7\"").await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_uploaded_from_its_file() {
    let server = Launch::new().start().await;
    let scratch = server.scratch().to_owned();
    let (export, journal) = (scratch.join("journal.export"), scratch.join("uploaded.journal"));
    std::fs::write(&export, journal_export(30)).unwrap();
    let mut convert = Command::new("/lib/systemd/systemd-journal-remote");
    convert.arg("--output").arg(&journal).arg(&export);
    run(convert).await;
    let mut upload = Command::new("/lib/systemd/systemd-journal-upload");
    upload.args(["--follow=no", "--url", server.url()]).arg(format!("--file={}", journal.display()));
    upload.arg(format!("--save-state={}", scratch.join("state").display()));
    run(upload).await;
    let query = "{host=\"machine\",unit=\"web.service\"}";
    let found = arrived(&server, query, 30).await;
    assert_eq!(found, numbered(30, |n| format!("journal line {n}\nof two")));
    let errors = texts(&server, &format!("{query} | level=\"error\"")).await;
    assert_eq!(errors.len(), 30, "the priority can be asked for");
    server.stop().await;
}

fn journal_export(count: u64) -> Vec<u8> {
    let mut export = Vec::new();
    for n in 0..count {
        let at = now_ns() / 1000 + n;
        let boot = "0123456789abcdef0123456789abcdef";
        export.extend(
            format!(
                "__CURSOR=s={boot};i={n:x};b={boot};m={n:x};t={at:x};x={n:x}\n__REALTIME_TIMESTAMP={at}\n\
                 __MONOTONIC_TIMESTAMP={n}\n_BOOT_ID={boot}\n_HOSTNAME=machine\n_SYSTEMD_UNIT=web.service\nPRIORITY=3\nMESSAGE\n"
            )
            .into_bytes(),
        );
        let text = format!("journal line {n}\nof two");
        export.extend((text.len() as u64).to_le_bytes());
        export.extend(text.into_bytes());
        export.extend(b"\n\n");
    }
    export
}

/// An authority and what it signed, as PEM files.
struct Certificates {
    ca: PathBuf,
    server: (PathBuf, PathBuf),
    client: (PathBuf, PathBuf),
}

impl Certificates {
    fn write(dir: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca = dir.join("ca.crt");
        std::fs::write(&ca, issuer.pem()).unwrap();
        let sign = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
            let certificate = params.signed_by(&key, &issuer).unwrap();
            let (cert, file) = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
            std::fs::write(&cert, certificate.pem()).unwrap();
            std::fs::write(&file, key.serialize_pem()).unwrap();
            (cert, file)
        };
        Certificates { server: sign("server"), client: sign("client"), ca }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_tls_only_clients_with_a_certificate_write_read_and_follow() {
    let launch = Launch::new();
    let files = Certificates::write(launch.scratch());
    let launch = launch.arg("--tls-cert").arg(&files.server.0).arg("--tls-key").arg(&files.server.1);
    let server = launch.arg("--tls-client-ca").arg(&files.ca).client(client(&files, true)).start().await;
    server.loki.push_ok(&[("app", "tls")], &[(now_ns(), "over TLS".to_owned())]).await;
    assert_eq!(texts(&server, "{app=\"tls\"}").await, ["over TLS"]);
    let stranger = client(&files, false);
    stranger.get(format!("{}/ready", server.url())).send().await.unwrap_err();
    let plain = server.url().replace("https://", "http://");
    reqwest::get(format!("{plain}/ready")).await.unwrap_err();
    let gantry = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.args(args).args(["--addr", server.url(), "--tls-ca"]).arg(&files.ca);
        command.arg("--tls-cert").arg(&files.client.0).arg("--tls-key").arg(&files.client.1);
        command
    };
    run(gantry(&["query", "{app=\"tls\"}"])).await;
    let mut follow = gantry(&["logs", "-f", "--since", "1h"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = std::io::BufReader::new(follow.stdout.take().unwrap());
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut output, &mut line).unwrap();
        line
    });
    let seen = tokio::time::timeout(Duration::from_secs(30), line).await;
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert!(seen.unwrap().unwrap().contains("over TLS"));
    server.stop().await;
}

fn client(files: &Certificates, identity: bool) -> reqwest::Client {
    let identity = identity.then_some((files.client.0.as_path(), files.client.1.as_path()));
    let tls = gantry::tls::client_config(Some(&files.ca), identity).unwrap();
    reqwest::Client::builder().use_preconfigured_tls(tls).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn splunk_events_and_json_arrays_are_found_by_their_labels() {
    let server = Launch::new().start().await;
    let event = |n: u64| json!({"time": now_ns() / 1_000_000_000, "host": "h", "event": format!("hec {n}"), "fields": {"n": n}});
    let body = (0..10).map(|n| event(n).to_string()).collect::<String>().into_bytes();
    let headers = [("authorization", "Splunk any")];
    let answer = server.loki.post("/services/collector/event", &headers, body).await.unwrap();
    assert_eq!((answer.status, &*answer.text), (200, r#"{"text":"Success","code":0}"#));
    assert_eq!(texts(&server, "{host=\"h\"}").await, numbered(10, |n| format!("hec {n}")));
    let array = json!([{"msg": "first", "app": "a"}, {"msg": "second", "app": "a"}]).to_string().into_bytes();
    let path = "/api/v1/ndjson?labels=app&message_field=msg";
    let answer = server.loki.post(path, &[], array).await.unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_eq!(texts(&server, "{app=\"a\"}").await, ["first", "second"]);
    let old = server.loki.query_range("{app=\"a\"}", now_ns() - DAY, now_ns(), &[]).await.json();
    assert_eq!(entries(&old).len(), 2);
    server.stop().await;
}
