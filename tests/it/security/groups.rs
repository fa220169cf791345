//! The groups of users: by hand, and from a proxy.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Method;
use serde_json::{Value, json};
use webchat_domain::AccountRole;
use webchat_tests::{Browser, Process, Response, ScriptedModel};

use super::account_server::{AccountServer, add};

const USERS: [(&str, AccountRole); 4] = [
    ("ada", AccountRole::Admin),
    ("otto", AccountRole::Auditor),
    ("alice", AccountRole::User),
    ("bob", AccountRole::User),
];

async fn change(admin: &Browser, name: &str, changes: Value) -> Response {
    let users = admin.get(&format!("/api/v1/admin/users?search={name}")).await.json();
    let id = users["users"][0]["user_id"].as_str().unwrap();
    let path = format!("/api/v1/admin/users/{id}/groups");
    admin.send(admin.request(Method::PATCH, &path).json(&changes)).await
}

/// Returns the groups of the user, as the user sees them.
async fn groups(browser: &Browser) -> Value {
    browser.get("/api/v1/me").await.json()["account"]["groups"].clone()
}

async fn members(reader: &Browser, query: &str) -> Vec<String> {
    let list = reader.get(&format!("/api/v1/admin/users?{query}")).await;
    let users = list.json()["users"].as_array().unwrap().clone();
    users.iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_administrator_gives_users_groups_and_finds_them_by_group() {
    let server = AccountServer::with_users(&USERS, &[("AUTH", "required")]).await;
    let (ada, otto) = (server.signed_in("ada").await, server.signed_in("otto").await);
    let alice = server.signed_in("alice").await;

    let changed = change(&ada, "alice", json!({"add": [" re\u{301}search ", "law"]})).await;
    change(&ada, "bob", json!({"add": ["law", "none"]})).await;
    let again = change(&ada, "bob", json!({"add": ["law"], "remove": ["other"]})).await;

    let manual = |name: &str| json!({"name": name, "sources": ["manual"]});
    assert_eq!(changed.json()["groups"], json!([manual("law"), manual("r\u{e9}search")]));
    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(groups(&alice).await, json!(["law", "r\u{e9}search"]), "without another sign-in");
    assert_eq!(members(&otto, "group=law").await, ["alice", "bob"]);
    assert_eq!(members(&otto, "group=law&limit=1&cursor=alice").await, ["bob"]);
    assert_eq!(members(&otto, "group=none").await, ["bob"]);
    assert_eq!(members(&otto, "group=Law").await, [""; 0]);
    assert_eq!(members(&otto, "group=").await.len(), 4);
    let listed = otto.get("/api/v1/admin/groups?limit=2").await.json();
    let expected = json!([{"name": "law", "members": 2}, {"name": "none", "members": 1}]);
    assert_eq!((&listed["groups"], &listed["next_cursor"]), (&expected, &json!("none")));
    let next = otto.get("/api/v1/admin/groups?cursor=none&search=r").await.json();
    let expected = json!([{"name": "r\u{e9}search", "members": 1}]);
    assert_eq!((&next["groups"], &next["next_cursor"]), (&expected, &Value::Null));
    let log = otto.get("/api/v1/admin/audit?action=groups_changed&user=bob").await.json();
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{log}");
    let expected = json!({"source": "manual", "added": ["law", "none"], "removed": []});
    assert_eq!(log["entries"][0]["details"], expected);
    assert_eq!(log["entries"][0]["actor"]["name"], "ada");
}

#[tokio::test]
async fn bad_names_and_too_many_groups_are_refused() {
    let server = AccountServer::with_users(&USERS, &[("AUTH", "required")]).await;
    let ada = server.signed_in("ada").await;
    let numbered = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();

    for name in ["", "a\nb", &"x".repeat(101)] {
        let refused = change(&ada, "alice", json!({"add": [name]})).await;
        assert_eq!(refused.status, 422, "{name:?}: {}", refused.text);
    }
    let at_once = change(&ada, "alice", json!({"add": numbered(201)})).await;
    let most = change(&ada, "alice", json!({"add": numbered(200)})).await;
    let another = change(&ada, "alice", json!({"add": ["another"]})).await;

    assert_eq!((at_once.status.as_u16(), most.status.as_u16()), (422, 200), "{}", at_once.text);
    assert_eq!(another.status_and_code(), (409, "too_many_groups".to_owned()));
    for query in ["users?group=a%0Ab", "groups?limit=101", "groups?cursor=%0A"] {
        let invalid = ada.get(&format!("/api/v1/admin/{query}")).await;
        assert_eq!(invalid.status, 400, "{query}: {}", invalid.text);
    }
}

#[tokio::test]
async fn groups_of_a_proxy_follow_its_header() {
    const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let (model, dir) = (ScriptedModel::start(), tempfile::tempdir().unwrap());
    let settings = [
        ("AZURE_API_URL", model.url()),
        ("AUTH", "required"),
        ("AUTH_HEADER", "X-Forwarded-User"),
        ("AUTH_HEADER_GROUPS", "X-Forwarded-Groups"),
        ("AUTH_HEADER_PROXIES", "127.0.0.2"),
    ];
    let server = Process::start(dir.path(), &settings).await;
    let proxy = server.browser().with_address(PROXY);
    let groups_with = async |header: Option<&str>| {
        let request = proxy.request(Method::GET, "/api/v1/me").header("X-Forwarded-User", "alice");
        let request = header.iter().fold(request, |request, groups| {
            request.header("X-Forwarded-Groups", groups.as_bytes())
        });
        proxy.send(request).await.json()["account"]["groups"].clone()
    };

    assert_eq!(groups_with(Some("law, zoé")).await, json!(["law", "zoé"]));
    assert_eq!(groups_with(Some("law,,")).await, json!(["law"]));
    let many: Vec<_> = (0..201).map(|number| number.to_string()).collect();
    assert_eq!(groups_with(Some(&many.join(","))).await, json!(["law"]), "they are unknown");
    assert_eq!(groups_with(None).await, json!([]));
}

#[tokio::test]
async fn the_command_line_changes_groups_and_lists_their_users() {
    let dir = tempfile::tempdir().unwrap();
    let stores = [("DATA_DIR", dir.path().to_str().unwrap())];
    add(&stores, "alice").await;
    add(&stores, "bob").await;
    let run = async |arguments: &[&str]| {
        let run = Process::run_in(dir.path(), &[&["user"], arguments].concat(), &[]).await;
        assert!(run.success, "{run:?}");
        run.stdout
    };

    run(&["group", "alice", "--add", "law", "--add", "staff"]).await;
    let changed = run(&["group", "alice", "--remove", "law", "--add", "research"]).await;
    let all = run(&["list"]).await;
    let members = run(&["list", "--group", "staff"]).await;

    assert_eq!(changed, "research (manual)\nstaff (manual)\n");
    assert!(all.contains("bob (user)"), "{all}");
    assert!(members.starts_with("alice (user)") && members.lines().count() == 1, "{members}");
    assert!(members.ends_with("groups: research, staff\n"), "{members}");
}
