//! A visitor token, and whether it is right.

use std::sync::Arc;

use jiff::Timestamp;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret;
use serde::de::IgnoredAny;

use crate::claims::Object;
use crate::verified::{Mark, Read};
use crate::{Issuer, KeySets, Keys, KeysError, TokenSettings, Vouched};

/// The most bytes of a visitor token.
pub const LONGEST_TOKEN: usize = 4096;

/// Why a visitor token does not count, in words for those who make it. Nothing of the token is in
/// them but the name of its algorithm. Names of claims are those of the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is too long.
    #[error("the visitor token is longer than 4096 bytes: leave out claims that nobody needs")]
    TooLong,
    /// It is no JWT.
    #[error(
        "the visitor token is no signed JWT, which has three parts in base64url without padding, \
         with a dot between them"
    )]
    NotAToken,
    /// It is an encrypted JWT.
    #[error("the visitor token is encrypted: sign it only")]
    Encrypted,
    /// There is another token in it.
    #[error("there is another token in the visitor token (cty): sign the claims themselves")]
    Nested,
    /// The header is no JSON, has a name twice, or a value of another type than it should.
    #[error(
        "the header of the visitor token must be a JSON object that has each name once, with values \
         as RFC 7515 defines them"
    )]
    HeaderUnreadable,
    /// The claims are no JSON, or have a name twice.
    #[error("the claims of the visitor token must be a JSON object that has each name once")]
    ClaimsUnreadable,
    /// The header asks for what nobody here can do.
    #[error("the header of the visitor token must not have {parameter}: leave it out")]
    HeaderUnsupported {
        /// What it has.
        parameter: &'static str,
    },
    /// There is no `iss`.
    #[error("the visitor token lacks the claim iss, which must be the issuer's name as one text")]
    IssuerMissing,
    /// Tokens of this issuer do not count.
    #[error(
        "the claim iss of the visitor token is none of the connection's issuers: both must be the \
         same, character by character"
    )]
    IssuerUnknown,
    /// It is not signed as the settings say.
    #[error("the visitor token is signed with {signed_with}, but must be signed with {allowed}")]
    AlgorithmWrong {
        /// The algorithm that the header names, if it is one.
        signed_with: &'static str,
        /// What the settings allow.
        allowed: String,
    },
    /// There is no `kid`.
    #[error("the header of the visitor token lacks kid, which names the key that signed it")]
    KeyIdMissing,
    /// The issuer has no such key.
    #[error(
        "the header kid of the visitor token names no key of its issuer: sign it with a key that \
         the connection knows, or that the issuer publishes (a new one is found within a minute)"
    )]
    KeyUnknown,
    /// The issuer's keys cannot be had. That is no fault of the token.
    #[error(
        "the visitor token cannot be checked for now, because its issuer's keys cannot be had: \
         {0}; try again later"
    )]
    KeysUnavailable(#[from] KeysError),
    /// The signature is not the key's.
    #[error(
        "the signature of the visitor token is wrong: sign it with the key that kid names, and \
         change nothing after that"
    )]
    SignatureWrong,
    /// It is for somebody else, or for nobody.
    #[error(
        "the visitor token needs the claim aud: the id of the connection that is called, or a list \
         of texts that has it"
    )]
    AudienceWrong,
    /// There is no `exp`.
    #[error("the visitor token lacks the claim exp, which says when it ends")]
    ExpiryMissing,
    /// A time is no whole number.
    #[error("{claim} must be a whole number of seconds since 1970, without a point or quotes")]
    NotWhole {
        /// The claim.
        claim: &'static str,
    },
    /// It has ended.
    #[error("the visitor token has expired: make a new one for each conversation, or each call")]
    Expired,
    /// It is valid for too long.
    #[error(
        "exp is more than 24 hours ahead: make the visitor token valid for a shorter time, and \
         write exp in seconds, not in milliseconds"
    )]
    ExpiryTooFar,
    /// It is not valid yet.
    #[error("the visitor token is not valid yet (nbf): set the clock of who makes it right")]
    NotYetValid,
    /// It was made in the future.
    #[error("the visitor token was made in the future (iat): set the clock of who makes it right")]
    IssuedLater,
    /// Nobody says that the email address is the visitor's.
    #[error(
        "email only counts with email_verified true: set it when the visitor has proved that the \
         address is theirs"
    )]
    EmailNotVerified,
    /// The email address is none.
    #[error("email must be one email address in ASCII characters, without a name or spaces")]
    EmailInvalid,
    /// It names nobody.
    #[error(
        "the visitor token names nobody: give email with email_verified{}",
        subject.as_ref().map(|claim| format!(", or {claim}")).unwrap_or_default()
    )]
    Nobody {
        /// The claim that says who the visitor's contact is, if the settings have one.
        subject: Option<String>,
    },
    /// What says who the contact is cannot be that.
    #[error("{claim} must be a text of 1 to 200 characters, without control characters")]
    SubjectInvalid {
        /// The claim.
        claim: String,
    },
    /// What should be an id of a row is none.
    #[error("{claim} must be the id of a row in Dynamics 365, which is a GUID")]
    NotAGuid {
        /// The claim.
        claim: String,
    },
}

/// The header's parameters that change how a token is to be read. `crit` names more of them.
const UNSUPPORTED: [&str; 3] = ["crit", "b64", "zip"];

/// Whom a visitor token vouches for, if it is right.
///
/// The token's own `iss` only picks one of the settings' issuers. That one says what the token must
/// be signed with.
///
/// # Errors
///
/// If anything is wrong with the token, or if its issuer's keys cannot be had.
pub async fn verify(
    text: &str,
    settings: &TokenSettings,
    connection_id: &str,
    keys: &KeySets,
    now: Timestamp,
) -> Result<Vouched, TokenError> {
    if text.len() > LONGEST_TOKEN {
        return Err(TokenError::TooLong);
    }
    let of_text = Mark::of(&[text.as_bytes()]);
    let read = match keys.verified().get(&of_text) {
        Some(read) => read,
        None => {
            let (header, claims) = parts(text)?;
            Arc::new(Read { header, claims, right_with: None })
        }
    };
    let issuer = read.claims.text("iss").ok_or(TokenError::IssuerMissing)?;
    let issuer = settings.issuer(issuer).ok_or(TokenError::IssuerUnknown)?;
    let (algorithm, key, mark) = key(&read.header, issuer, keys, now).await?;
    let with = [mark.as_bytes(), name(algorithm).as_bytes(), connection_id.as_bytes()];
    let with = Some(Mark::of(&with));
    if read.right_with != with {
        check(text, &key, algorithm, issuer, connection_id)?;
    }
    // The claims that were read are those that were signed.
    read.claims.check_times(now)?;
    let vouched = read.claims.vouched(issuer)?;
    if let Some(mut read) =
        Some(read).filter(|read| read.right_with != with).and_then(Arc::into_inner)
    {
        read.right_with = with;
        keys.verified().note(of_text, Arc::new(read));
    }
    Ok(vouched)
}

/// The header and the claims, of which nobody knows yet who wrote them.
fn parts(text: &str) -> Result<(Object, Object), TokenError> {
    let parts: Vec<&str> = text.split('.').collect();
    let (header, claims) = match parts[..] {
        [header, claims, signature] if !signature.is_empty() => (header, claims),
        [_, _, _, _, _] => return Err(TokenError::Encrypted),
        _ => return Err(TokenError::NotAToken),
    };
    let header = Object::decode(header).ok_or(TokenError::HeaderUnreadable)?;
    if header.has("enc") {
        return Err(TokenError::Encrypted);
    }
    if header.has("cty") {
        return Err(TokenError::Nested);
    }
    if let Some(parameter) = UNSUPPORTED.into_iter().find(|parameter| header.has(parameter)) {
        return Err(TokenError::HeaderUnsupported { parameter });
    }
    Ok((header, Object::decode(claims).ok_or(TokenError::ClaimsUnreadable)?))
}

/// The key of the issuer that `kid` names, the algorithm that belongs to it, and a mark of the key itself.
async fn key(
    header: &Object,
    issuer: &Issuer,
    keys: &KeySets,
    now: Timestamp,
) -> Result<(Algorithm, DecodingKey, Mark), TokenError> {
    let allowed: Vec<Algorithm> = match &issuer.keys {
        Keys::Shared { algorithm, .. } => vec![algorithm.of_library()],
        Keys::Published { algorithms, .. } => algorithms.iter().map(|it| it.of_library()).collect(),
    };
    // That it is one of them, decides nothing but which error there is.
    let signed_with = header.text("alg").unwrap_or_default();
    if !allowed.iter().any(|algorithm| name(*algorithm) == signed_with) {
        return Err(wrong_algorithm(signed_with, &allowed));
    }
    let kid = header.text("kid").ok_or(TokenError::KeyIdMissing)?;
    let (algorithm, key, mark) = match &issuer.keys {
        Keys::Shared { algorithm, secrets } => {
            let key = secrets.iter().find(|key| key.kid == kid).ok_or(TokenError::KeyUnknown)?;
            let secret = key.secret.expose_secret().as_bytes();
            (algorithm.of_library(), DecodingKey::from_secret(secret), Mark::of(&[secret]))
        }
        Keys::Published { jwks, algorithms } => {
            let key = keys.key(jwks, kid, algorithms, now).await?.ok_or(TokenError::KeyUnknown)?;
            (key.algorithm.of_library(), key.key, key.mark)
        }
    };
    if name(algorithm) != signed_with {
        return Err(wrong_algorithm(signed_with, &[algorithm]));
    }
    Ok((algorithm, key, mark))
}

/// Whether the signature is right, and `iss` and `aud` too. Times are compared elsewhere, because the
/// library only knows the system's clock.
fn check(
    text: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    issuer: &Issuer,
    audience: &str,
) -> Result<(), TokenError> {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer.issuer()]);
    validation.set_audience(&[audience]);
    // Without this, a token without them would pass.
    validation.set_required_spec_claims(&["iss", "aud"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    match decode::<IgnoredAny>(text, key, &validation) {
        Ok(_) => Ok(()),
        // The library knows more of the header, and wants it to be right.
        Err(_) if decode_header(text).is_err() => Err(TokenError::HeaderUnreadable),
        Err(error) => Err(of_library(&error)),
    }
}

/// The library's messages may quote the token.
fn of_library(error: &Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidIssuer => TokenError::IssuerUnknown,
        ErrorKind::InvalidAudience => TokenError::AudienceWrong,
        // It is also missing if it is of another type.
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => TokenError::AudienceWrong,
        ErrorKind::MissingRequiredClaim(_) => TokenError::IssuerMissing,
        ErrorKind::Base64(_) | ErrorKind::InvalidToken => TokenError::NotAToken,
        // The header and the claims could be read before. So it is a time that is a list or an object.
        ErrorKind::Json(_) | ErrorKind::Utf8(_) => TokenError::NotWhole { claim: "exp (and nbf)" },
        _ => TokenError::SignatureWrong,
    }
}

/// The algorithms that have a name, if only to be refused.
const ALGORITHMS: [&str; 13] = [
    "none", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "EdDSA",
];

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::RS256 => "RS256",
        Algorithm::ES256 => "ES256",
        Algorithm::EdDSA => "EdDSA",
        // No setting allows another one.
        _ => "another algorithm",
    }
}

fn wrong_algorithm(signed_with: &str, allowed: &[Algorithm]) -> TokenError {
    let known = ALGORITHMS.into_iter().find(|known| *known == signed_with);
    let allowed: Vec<&str> = allowed.iter().map(|algorithm| name(*algorithm)).collect();
    TokenError::AlgorithmWrong {
        signed_with: known.unwrap_or("an algorithm that is not known here"),
        allowed: allowed.join(" or "),
    }
}

#[cfg(test)]
mod tests;
