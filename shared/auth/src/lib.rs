//! Connections: credentials from Secrets Manager, tokens from Entra ID.
