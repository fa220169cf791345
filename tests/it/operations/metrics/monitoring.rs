//! The documentation of the metrics, and the dashboard and alerts in `deploy`, tested with a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use webchat_tests::{Browser, FreePort, TIMEOUT, TestServer};

use super::{TOKEN, ask};

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).canonicalize().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap()
}

/// The names and types of the metrics in `docs/metrics.md`.
fn documented_metrics() -> BTreeMap<String, String> {
    let page = read("docs/metrics.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| {
        let mut cells = row.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`').to_owned();
        Some((name, cells.next()?.to_owned()))
    })
    .collect()
}

/// Returns the values of all keys `expr`, at any depth.
fn expressions(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(text) if key == "expr" => vec![text.clone()],
                value => expressions(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&read("deploy/grafana/webchat.json")).unwrap()
}

fn alerts() -> Value {
    serde_saphyr::from_str(&read("deploy/alerts/webchat.yaml")).unwrap()
}

fn alert_names(alerts: &Value) -> BTreeSet<String> {
    let groups = alerts["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

/// Returns the names of the metrics in a `PromQL` expression.
fn metric_names(expression: &str) -> impl Iterator<Item = &str> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words = expression.split(move |char| !is_name(char));
    words.filter(|word| word.starts_with("webchat_") || word.starts_with("process_"))
}

/// Removes the suffix of a histogram's series from the name.
fn base_name<'a>(name: &'a str, documented: &BTreeMap<String, String>) -> &'a str {
    let suffixes = ["_bucket", "_sum", "_count"];
    let mut bases = suffixes.iter().filter_map(|suffix| name.strip_suffix(suffix));
    let is_histogram = |base: &&str| documented.get(*base).is_some_and(|kind| kind == "histogram");
    bases.find(is_histogram).unwrap_or(name)
}

#[tokio::test]
async fn the_documentation_lists_exactly_the_existing_metrics() {
    let server = TestServer::with_settings(&[("METRICS", "on")]).await;
    let browser = server.browser();

    ask(&browser).await;

    let text = browser.get("/metrics").await.text;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let existing: BTreeMap<_, _> =
        types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    assert_eq!(existing, documented_metrics());
}

#[test]
fn the_dashboard_and_the_alerts_use_only_existing_metrics() {
    let documented = documented_metrics();

    for expression in [dashboard(), alerts()].iter().flat_map(expressions) {
        for name in metric_names(&expression) {
            let base = base_name(name, &documented);
            assert!(documented.contains_key(base), "{name} in {expression}");
        }
    }
}

#[test]
fn the_runbook_has_a_section_for_each_alert() {
    let runbook = read("docs/runbook.md");
    let headings = runbook.lines().filter(|line| line.starts_with("##"));
    let headings: BTreeSet<_> = headings.map(|line| line.trim_matches(['#', ' '])).collect();

    for alert in alert_names(&alerts()) {
        assert!(headings.contains(alert.as_str()), "docs/runbook.md: {alert}");
    }
}

#[tokio::test]
async fn the_alert_rules_pass_their_tests() {
    let command = Command::new("promtool")
        .args(["test", "rules"])
        .arg(file("deploy/alerts/webchat.test.yaml"))
        .output();
    let output = timeout(TIMEOUT, command).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("failed to start promtool: {error}"));

    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
    let tests: Value = serde_saphyr::from_str(&read("deploy/alerts/webchat.test.yaml")).unwrap();
    let names = read("deploy/alerts/webchat.test.yaml");
    assert!(!tests["tests"].as_array().unwrap().is_empty());
    for alert in alert_names(&alerts()) {
        assert!(names.contains(&format!("alertname: {alert}")), "{alert} has no test");
    }
}

/// A Prometheus server that scrapes a Webchat server and evaluates the alerts every second.
struct Prometheus {
    browser: Browser,
    _process: Child,
    _dir: TempDir,
}

impl Prometheus {
    fn start(target: &FreePort) -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), FreePort::choose());
        let config = dir.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}']\n\
             scrape_configs:\n- job_name: webchat\n  authorization: {{credentials: {TOKEN}}}\n  \
             static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
            file("deploy/alerts/webchat.yaml").display(),
            target.number(),
        );
        fs::write(&config, text).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{}", port.number()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let process = process.unwrap_or_else(|error| panic!("failed to start prometheus: {error}"));
        Self { browser: port.browser("/"), _process: process, _dir: dir }
    }

    /// Runs a query. Returns the values of its series.
    async fn query(&self, expression: &str) -> Vec<f64> {
        let mut url = self.browser.url("/api/v1/query");
        url.query_pairs_mut().append_pair("query", expression);
        let path = format!("/api/v1/query?{}", url.query().unwrap());
        let result = self.browser.get(&path).await.json();
        assert_eq!(result["status"], "success", "{expression}: {result}");
        let series = result["data"]["result"].as_array().unwrap().iter();
        series.map(|series| series["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    async fn wait_for(&self, expression: &str, value: f64) {
        let wait = async {
            loop {
                let ready = self.browser.request(reqwest::Method::GET, "/-/ready").send().await;
                if ready.is_ok_and(|response| response.status() == 200)
                    && self.query(expression).await == [value]
                {
                    return;
                }
                sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(TIMEOUT, wait)
            .await
            .unwrap_or_else(|_| panic!("timed out waiting for {expression} to be {value}"));
    }
}

#[tokio::test]
async fn prometheus_scrapes_the_server_and_accepts_each_query_of_the_dashboard() {
    let port = FreePort::choose();
    let address = format!("127.0.0.1:{}", port.number());
    let settings =
        [("METRICS", "on"), ("METRICS_ADDR", address.as_str()), ("METRICS_TOKEN", TOKEN)];
    let server = TestServer::with_settings(&settings).await;
    let prometheus = Prometheus::start(&port);

    prometheus.wait_for("up{job=\"webchat\"}", 1.0).await;
    ask(&server.browser()).await;
    prometheus.wait_for("webchat_turns_total{finish_reason=\"stop\"}", 1.0).await;

    for expression in expressions(&dashboard()) {
        let expression = expression
            .replace("$__rate_interval", "1m")
            .replace("$__range", "5m")
            .replace("$__interval", "1m")
            .replace("$job", "webchat")
            .replace("$instance", ".*");
        assert!(!expression.contains('$'), "{expression}");
        prometheus.query(&expression).await;
    }
    let rules = prometheus.browser.get("/api/v1/rules").await.json();
    let groups = rules["data"]["groups"].as_array().unwrap().iter();
    let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert_eq!(rules.len(), alert_names(&alerts()).len());
    for rule in rules {
        assert_eq!(rule["lastError"], Value::Null, "{rule}");
    }
}
