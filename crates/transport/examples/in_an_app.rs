//! Mounts Webchat's services in another actix application, next to its own routes:
//! `cargo run -p webchat-transport --example in_an_app -- http://127.0.0.1:11434/v1/chat/completions`
//! and then `curl http://127.0.0.1:8081/chat/api/v1/config`.
#![expect(clippy::print_stdout, reason = "prints the address")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use webchat_chat::{Chat, Model, Models, Ports, SingleSignOn};
use webchat_domain::SystemClock;
use webchat_llm::{HttpChatModel, HttpSettings};
use webchat_persistence_sqlite::{LocalSignals, SavedFilesDir, SqliteStore};
use webchat_transport::Services;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let model_url = arguments.next().ok_or("missing argument: the full chat-completions URL")?;
    let port: u16 = arguments.next().map_or(Ok(8081), |port| port.parse())?;
    let data_dir = arguments.next().unwrap_or_else(|| "data".to_owned());

    let chat = chat(&model_url, Path::new(&data_dir)).await?;
    let services = Services::new(chat.clone(), &settings());
    let services_to_close = services.clone();
    let server = HttpServer::new(move || {
        App::new()
            .route("/", web::get().to(async || "The application's own page."))
            .configure(services.under("/chat"))
    })
    .disable_signals()
    .bind(("127.0.0.1", port))?;
    for address in server.addrs() {
        println!("http://{address}");
    }
    let mut server = server.run();
    tokio::select! {
        result = &mut server => return Ok(result?),
        result = tokio::signal::ctrl_c() => result?,
    }

    // Give running answers time to end, then tell clients to reconnect later.
    chat.shutdown(Duration::from_secs(30)).await;
    services_to_close.close().await;
    let stopping = server.handle().stop(true);
    tokio::join!(server, stopping).0?;
    Ok(())
}

/// Creates the use cases, with one SQLite file as the store of all ports.
async fn chat(model_url: &str, data_dir: &Path) -> Result<Chat, Box<dyn Error>> {
    let store = SqliteStore::open(&data_dir.join("webchat.db")).await?;
    let ports = Ports {
        log: Arc::new(store.turn_log()),
        signals: Arc::new(LocalSignals::default()),
        conversations: Arc::new(store.clone()),
        contexts: Arc::new(store.clone()),
        transfer: Arc::new(store.clone()),
        file_jobs: Arc::new(store.clone()),
        probes: vec![Arc::new(store.clone())],
        token_budgets: Arc::new(store.clone()),
        user_activity: Arc::new(store.clone()),
        user_settings: Arc::new(store.clone()),
        accounts: Arc::new(store.clone()),
        api_keys: Arc::new(store.clone()),
        audit: Arc::new(store.clone()),
        identities: Arc::new(store.clone()),
        erasures: Arc::new(store.clone()),
        single_sign_on: SingleSignOn::default(),
        sessions: Arc::new(store),
        saved_files: Arc::new(SavedFilesDir::at(data_dir.join("saved_conversations"))),
        models: Models::one(Model {
            id: "model".parse()?,
            name: None,
            client: Arc::new(HttpChatModel::new(HttpSettings::new(model_url.parse()?))?),
            tokens: None,
            window_tokens: 128_000,
            reply_tokens: None,
            groups: Vec::new(),
        }),
        clock: Arc::new(SystemClock),
    };
    let settings = webchat_chat::Settings {
        session_ttl: Duration::from_hours(24),
        sign_in_idle_ttl: Duration::from_hours(24),
        sign_in_ttl: Duration::from_hours(100),
        inactive_user_retention: None,
        audit_retention: None,
        admin_conversation_access: false,
        system_prompt: None,
        auto_titles: false,
        files: webchat_chat::FileSettings::default(),
        max_stored_bytes: webchat_chat::StoredBytesLimits::default(),
        turns_per_user: Some(16),
        turns_per_network: Some(50),
        max_turns: Some(500),
        max_turn_duration: Duration::from_mins(10),
        daily_tokens: webchat_chat::DailyTokenLimits::default(),
    };
    Ok(Chat::new(ports, settings))
}

fn settings() -> webchat_transport::Settings {
    webchat_transport::Settings {
        secret_key: b"at least 32 bytes, and a real secret".to_vec(),
        public_url: None,
        allowed_origins: Vec::new(),
        auth: webchat_transport::AuthMode::None,
        password_sign_in: true,
        sign_up: webchat_transport::SignUp::default(),
        sign_in_proxy: None,
        trusted_proxies: Vec::new(),
        max_import_bytes: 100 * 1024 * 1024,
        limits: webchat_transport::Limits::default(),
        requests_per_second: std::num::NonZeroU32::new(50),
        requests_per_second_per_network: std::num::NonZeroU32::new(200),
        new_users_per_minute: std::num::NonZeroU32::new(600),
        new_users_per_minute_per_network: std::num::NonZeroU32::new(30),
        max_tcp_connections: Some(20_000),
        metrics: None,
        warnings: None,
        effective: webchat_transport::EffectiveSettings::default(),
        continue_trace: None,
    }
}
