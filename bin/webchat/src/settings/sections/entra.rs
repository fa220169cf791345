//! The identity of the server at Microsoft Entra ID, for models at Azure without a key.

use secrecy::SecretString;

use super::super::declaration::section;
use super::super::kind::Kind;

/// Most of these variables are set by Azure, for all programs. They are checked only if they are used.
const SECRET: Kind = Kind::secret("a string", |_| true);
const SCOPE: Kind =
    Kind::text("a scope such as https://cognitiveservices.azure.com/.default", |text| {
        text.ends_with("/.default") && !text.contains(char::is_whitespace)
    });

section! {
    EntraSettings: [entra], "Microsoft Entra ID" {
        /// With LLM_AUTH=entra, requests to the model have an access token of Entra ID instead of a key. The server
        /// gets it with the first of these that is set: AZURE_FEDERATED_TOKEN_FILE (workload identity),
        /// AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, IDENTITY_ENDPOINT (managed identity of App Service and
        /// Container Apps), and otherwise as the managed identity of a virtual machine. Azure itself sets these
        /// variables, except those of secrets and certificates: see docs/azure.md.
        ///
        /// The scope says what the tokens are for. Microsoft also documents https://ai.azure.com/.default for resources
        /// of Foundry.
        LLM_ENTRA_SCOPE => scope: String = "https://cognitiveservices.azure.com/.default", SCOPE;

        /// The tenant, and the application or user-assigned identity. AKS sets both for workload identities. A managed
        /// identity has no tenant, and needs AZURE_CLIENT_ID only if it is user-assigned.
        AZURE_TENANT_ID => tenant_id: Option<String>, Kind::TEXT;
        AZURE_CLIENT_ID => client_id: Option<String>, Kind::TEXT;

        /// The proof of this identity: a file with a token of Kubernetes (set by AKS), a secret of the application, or a PEM file
        /// with its certificate and unencrypted RSA key.
        AZURE_FEDERATED_TOKEN_FILE => federated_token_file: Option<String>, Kind::TEXT;
        AZURE_CLIENT_SECRET => client_secret: Option<SecretString>, SECRET;
        AZURE_CLIENT_CERTIFICATE_PATH => client_certificate_path: Option<String>, Kind::TEXT;

        /// The address of Entra ID. Set it for the clouds of the United States' government
        /// (https://login.microsoftonline.us) and of China (https://login.chinacloudapi.cn).
        AZURE_AUTHORITY_HOST => authority_host: String = "https://login.microsoftonline.com", Kind::TEXT;

        /// The endpoint of managed identities, and its secret. App Service and Container Apps set both.
        IDENTITY_ENDPOINT => identity_endpoint: Option<String>, Kind::TEXT;
        IDENTITY_HEADER => identity_header: Option<SecretString>, SECRET;

        /// The metadata service of virtual machines. Another address is needed only for tests.
        AZURE_POD_IDENTITY_AUTHORITY_HOST => imds_host: String = "http://169.254.169.254", Kind::TEXT;
    }
}
