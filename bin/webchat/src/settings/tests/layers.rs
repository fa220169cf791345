//! Tests of the precedence of the sources.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::*;

fn port(sources: &SettingsSources) -> u16 {
    Settings::read(sources).unwrap().server.port
}

#[test]
fn each_source_overrides_the_one_below() {
    let mut sources: SettingsSources = [URL].into_iter().collect();
    let by_default = port(&sources);
    sources.file = with_file("[server]\nport = 1\nhost = '0.0.0.0'").file;
    let with_file = port(&sources);
    sources.dotenv.insert("PORT".to_owned(), "2".to_owned());
    let with_dotenv = port(&sources);
    sources.environment.insert("PORT".to_owned(), "3".to_owned());
    let with_environment = port(&sources);

    assert_eq!([by_default, with_file, with_dotenv, with_environment], [8080, 1, 2, 3]);
    // Other keys of the section are kept.
    assert_eq!(Settings::read(&sources).unwrap().server.host.to_string(), "0.0.0.0");
}

#[test]
fn an_empty_variable_resets_its_setting() {
    let mut sources = with_file("[server]\nport = 1\n[model]\nname = 'mine'\ntemperature = 1");
    sources.dotenv.insert("PORT".to_owned(), "2".to_owned());
    for name in ["PORT", "MODEL", "LLM_TEMPERATURE"] {
        sources.environment.insert(name.to_owned(), " ".to_owned());
    }

    let settings = Settings::read(&sources).unwrap();

    assert_eq!(settings.server.port, 8080);
    assert_eq!(settings.model.name, None);
    assert_eq!(settings.model.temperature, None);
}

#[test]
fn an_empty_string_in_the_file_counts_as_not_set() {
    let settings = Settings::read(&with_file("[server]\nhost = ''\npublic_url = ''")).unwrap();

    assert_eq!(settings.server.host.to_string(), "127.0.0.1");
    assert_eq!(settings.server.public_url, None);
}

#[test]
fn a_lower_case_proxy_variable_overrides_the_file() {
    let mut sources = with_file("[model]\nhttp_proxy = 'http://a.example'");
    sources.environment.insert("http_proxy".to_owned(), "b.example".to_owned());

    let proxy = Settings::read(&sources).unwrap().model.http().unwrap().proxy.unwrap();

    assert_eq!(proxy.url.host_str(), Some("b.example"));
}

#[test]
fn the_store_settings_are_read_without_the_others() {
    let variables = [("DATA_DIR", "/data"), ("PORT", "http"), ("MAX_STORED_MB", "1")];
    let stores = StoreSettings::read(&variables.into_iter().collect()).unwrap();

    assert_eq!(stores.data_dir.to_str(), Some("/data"));
    assert_eq!(stores.max_stored_mb, 1);
    let invalid = [("MIGRATE", "yes")].into_iter().collect();
    assert_eq!(StoreSettings::read(&invalid).unwrap_err().0[0].name, "MIGRATE");
}

#[test]
fn variables_that_are_not_utf8_are_rejected_only_if_they_are_settings() {
    let not_utf8 = || OsString::from_vec(b"s3cr3t\xff".to_vec());
    let url = (OsString::from(URL.0), OsString::from(URL.1));
    let others = [("LS_COLORS".into(), not_utf8()), (not_utf8(), "1".into()), url];
    let invalid = ["API_KEY", "http_proxy", "CONFIG_FILE"];
    let invalid = invalid.map(|name| (OsString::from(name), not_utf8()));

    let ignored = Settings::read(&SettingsSources::from_environment(others.clone()));
    let all = others.into_iter().chain(invalid);
    let error = Settings::read(&SettingsSources::from_environment(all)).unwrap_err();

    assert!(ignored.is_ok(), "{ignored:?}");
    insta::assert_snapshot!(error, @"
    invalid settings:
      API_KEY in the environment (not valid UTF-8): expected text in UTF-8
      http_proxy in the environment (not valid UTF-8): expected text in UTF-8
      CONFIG_FILE in the environment (not valid UTF-8): expected text in UTF-8
    ");
}
