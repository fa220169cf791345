//! Tests of the credentials of Entra ID.

use super::{URL, read};

const ENTRA: (&str, &str) = ("LLM_AUTH", "entra");
const FILE: (&str, &str) = ("AZURE_FEDERATED_TOKEN_FILE", "/var/run/secrets/azure/tokens/token");
const SECRET: (&str, &str) = ("AZURE_CLIENT_SECRET", "s3cret");
const CERTIFICATE: (&str, &str) = ("AZURE_CLIENT_CERTIFICATE_PATH", "/etc/webchat.pem");
const TENANT: (&str, &str) = ("AZURE_TENANT_ID", "tenant");
const CLIENT: (&str, &str) = ("AZURE_CLIENT_ID", "client");
const ENDPOINT: (&str, &str) = ("IDENTITY_ENDPOINT", "http://127.0.0.1:41056/msi/token/");
const HEADER: (&str, &str) = ("IDENTITY_HEADER", "853b9a84");

/// Returns which credential these settings choose, or the names of those that are rejected.
fn chosen(variables: &[(&str, &str)]) -> Result<String, Vec<String>> {
    let settings = read(&[&[URL, ENTRA], variables].concat());
    let settings = settings.map_err(|error| error.0.into_iter().map(|error| error.name));
    let settings = settings.map_err(Iterator::collect::<Vec<_>>)?;
    let source = settings.token_source().unwrap().unwrap();
    Ok(source.description().to_owned())
}

#[test]
fn the_credential_is_the_first_one_that_is_set() {
    for (variables, expected) in [
        (vec![FILE, TENANT, CLIENT], "workload identity of client"),
        (vec![FILE, TENANT, CLIENT, ENDPOINT, HEADER], "workload identity of client"),
        (vec![SECRET, TENANT, CLIENT], "client secret of client"),
        (vec![CERTIFICATE, TENANT, CLIENT], "client certificate of client"),
        (
            vec![ENDPOINT, HEADER, CLIENT],
            "managed identity of App Service or Container Apps (client)",
        ),
        (vec![], "managed identity of the virtual machine (system-assigned)"),
        (vec![CLIENT], "managed identity of the virtual machine (client)"),
    ] {
        assert_eq!(chosen(&variables).as_deref(), Ok(expected), "{variables:?}");
    }
}

#[test]
fn contradicting_and_incomplete_credentials_are_rejected() {
    for (variables, expected) in [
        (vec![("API_KEY", "key")], vec!["API_KEY"]),
        (vec![FILE], vec!["AZURE_TENANT_ID", "AZURE_CLIENT_ID"]),
        (vec![FILE, CLIENT], vec!["AZURE_TENANT_ID"]),
        (vec![SECRET, TENANT], vec!["AZURE_CLIENT_ID"]),
        (vec![TENANT, CLIENT], vec!["AZURE_TENANT_ID"]),
        (vec![FILE, SECRET, TENANT, CLIENT], vec!["AZURE_CLIENT_SECRET"]),
        (vec![SECRET, CERTIFICATE, TENANT, CLIENT], vec!["AZURE_CLIENT_CERTIFICATE_PATH"]),
        (vec![ENDPOINT], vec!["IDENTITY_HEADER"]),
        (vec![HEADER], vec!["IDENTITY_ENDPOINT"]),
        (vec![("IDENTITY_ENDPOINT", "msi"), HEADER], vec!["IDENTITY_ENDPOINT"]),
        (
            vec![SECRET, TENANT, CLIENT, ("AZURE_AUTHORITY_HOST", "http://login.example")],
            vec!["AZURE_AUTHORITY_HOST"],
        ),
        (vec![("LLM_ENTRA_SCOPE", "https://ai.azure.com")], vec!["LLM_ENTRA_SCOPE"]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(chosen(&variables), Err(expected), "{variables:?}");
    }
    for host in ["login.microsoftonline.us", "https://login.microsoftonline.us/", "http://[::1]"] {
        let variables = [SECRET, TENANT, CLIENT, ("AZURE_AUTHORITY_HOST", host)];
        assert!(chosen(&variables).is_ok(), "{host}");
    }
}

/// Azure and other programs set these variables on machines where the model has a key.
#[test]
fn without_entra_its_variables_are_ignored() {
    let variables = [URL, ("API_KEY", "key"), FILE, SECRET, ENDPOINT, TENANT];
    let settings = read(&variables).unwrap();

    assert!(settings.token_source().unwrap().is_none());
}
