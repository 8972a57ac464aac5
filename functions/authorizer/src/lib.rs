//! API Gateway authorizer: API keys.
