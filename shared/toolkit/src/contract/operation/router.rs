//! Finds the operation that a request is for.

use std::collections::BTreeMap;

use futures::future::{BoxFuture, FutureExt as _};
use http::Method;
use percent_encoding::percent_decode_str;

use crate::operation::{
    About, Collect, Declaration, Done, Endpoint, Input, Parameters, Request, Section,
};
use crate::{Call, Caller, ErrorCode, Handler, Incoming, Reply, Scope, ToolError};

/// The data that the operations of a function work with.
pub trait Home: Send + Sync + 'static {
    /// The caller as of now, before an administrator's change. What the gateway knows of an API key
    /// may be five minutes old, and in that time a revoked key could make a successor.
    fn renewed(
        &self,
        caller: Caller,
        _section: Section,
    ) -> impl Future<Output = Result<Caller, ToolError>> + Send {
        std::future::ready(Ok(caller))
    }

    /// The error for a path without an operation.
    fn nothing_there(
        &self,
        _path: &str,
        operations: &[Declaration],
        _caller: &Caller,
    ) -> ToolError {
        let routes: Vec<_> = operations.iter().map(Declaration::route).collect();
        ToolError::new(ErrorCode::NotFound, "there is nothing at that path")
            .next_step(format!("Call one of: {}.", routes.join(", ")))
    }
}

/// Two operations have the same route, or a path is not valid.
#[derive(Debug, thiserror::Error)]
#[error("the route {route} cannot be taken: {problem}")]
pub struct RouteError {
    route: String,
    problem: String,
}

type Serve<H> = for<'a> fn(
    &'a H,
    &'a Declaration,
    Incoming,
    Caller,
    BTreeMap<String, String>,
    &'a mut Call,
) -> BoxFuture<'a, Result<Reply, ToolError>>;

/// Operations that can be called, with their declarations.
pub struct Routes<H> {
    declarations: Vec<Declaration>,
    serve: Vec<Serve<H>>,
}

impl<H> Default for Routes<H> {
    fn default() -> Routes<H> {
        Routes { declarations: Vec::new(), serve: Vec::new() }
    }
}

impl<H: Home> Collect<H> for Routes<H> {
    fn put<E: Endpoint<Home = H>>(&mut self, group: &'static str) {
        self.declarations.push(Declaration::of::<E>(group));
        self.serve.push(serve::<E>);
    }
}

/// Operations that are called by their names.
pub(crate) struct ByName<H>(BTreeMap<&'static str, (Declaration, Serve<H>)>);

impl<H: Home> ByName<H> {
    /// These operations.
    pub(crate) fn of(routes: Routes<H>) -> ByName<H> {
        let Routes { declarations, serve } = routes;
        let named = declarations.into_iter().zip(serve);
        ByName(named.map(|(declaration, serve)| (declaration.id, (declaration, serve))).collect())
    }

    /// Calls the operation of this name. `None` if there is none.
    pub(crate) fn call<'a>(
        &'a self,
        home: &'a H,
        name: &str,
        incoming: Incoming,
        caller: Caller,
        call: &'a mut Call,
    ) -> Option<BoxFuture<'a, Result<Reply, ToolError>>> {
        let (declaration, serve) = self.0.get(name)?;
        call.tool = Some(declaration.id.to_owned());
        Some(serve(home, declaration, incoming, caller, BTreeMap::new(), call))
    }
}

/// Answers the requests of a Lambda function. It finds the operation, checks whether the caller may
/// call it, reads the input, and calls the operation.
pub struct Function<H> {
    home: H,
    declarations: Vec<Declaration>,
    serve: Vec<Serve<H>>,
    /// For each path: its methods, and the positions of their operations.
    router: matchit::Router<Vec<(Method, usize)>>,
}

/// The methods in the usual order.
const METHODS: [Method; 5] =
    [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

impl<H: Home> Function<H> {
    /// Makes a function from its data and its operations.
    ///
    /// # Errors
    ///
    /// Two operations have the same route, or a path is not valid.
    pub fn new(home: H, routes: Routes<H>) -> Result<Function<H>, RouteError> {
        let Routes { declarations, serve } = routes;
        let mut by_path: BTreeMap<String, Vec<(Method, usize)>> = BTreeMap::new();
        for (place, declaration) in declarations.iter().enumerate() {
            let methods = by_path.entry(declaration.path.to_string()).or_default();
            if methods.iter().any(|(method, _)| *method == declaration.method) {
                let problem = "it is taken".to_owned();
                return Err(RouteError { route: declaration.route(), problem });
            }
            methods.push((declaration.method.clone(), place));
        }
        let mut router = matchit::Router::new();
        for (path, mut methods) in by_path {
            // The header `Allow` lists them in this order.
            methods.sort_by_key(|(method, _)| METHODS.iter().position(|one| one == method));
            router
                .insert(path.clone(), methods)
                .map_err(|error| RouteError { route: path, problem: error.to_string() })?;
        }
        Ok(Function { home, declarations, serve, router })
    }

    /// The data that the operations work with.
    pub fn home(&self) -> &H {
        &self.home
    }

    /// Whether this path has an operation, with any method.
    pub fn is_at(&self, path: &str) -> bool {
        self.router.at(in_api(path)).is_ok()
    }

    /// The operations.
    pub fn declarations(&self) -> &[Declaration] {
        &self.declarations
    }
}

impl<H: Home> Handler for Function<H> {
    async fn handle(
        &self,
        incoming: Incoming,
        caller: Caller,
        call: &mut Call,
    ) -> Result<Reply, ToolError> {
        let path = in_api(&incoming.path);
        let found = self.router.at(path);
        let found =
            found.map_err(|_| self.home.nothing_there(path, &self.declarations, &caller))?;
        let of_method = found.value.iter().find(|(method, _)| *method == incoming.method);
        let Some((_, place)) = of_method else {
            let methods: Vec<_> = found.value.iter().map(|(method, _)| method.as_str()).collect();
            return Err(ToolError::method_not_allowed(methods.join(", ")));
        };
        let (Some(declaration), Some(serve)) =
            (self.declarations.get(*place), self.serve.get(*place))
        else {
            return Err(ToolError::internal("a route without an operation"));
        };
        call.tool = Some(declaration.id.to_owned());
        call.writes = declaration.effect.writes();
        let mut in_path = BTreeMap::new();
        for (name, text) in found.params.iter() {
            let decoded = percent_decode_str(text).decode_utf8();
            let decoded = decoded.map_err(|_| ToolError::invalid(name, "must be UTF-8"))?;
            in_path.insert(name.to_owned(), decoded.into_owned());
        }
        serve(&self.home, declaration, incoming, caller, in_path, call).await
    }
}

/// The path without what API Gateway puts in front of it, and without a final slash.
fn in_api(path: &str) -> &str {
    let start = before_api(path).len();
    path.get(start..).unwrap_or_default().trim_end_matches('/')
}

/// What API Gateway puts in front of a path: the name of a stage, or the base path of a domain.
pub(crate) fn before_api(path: &str) -> &str {
    path.split_once("/v1/").map_or("", |(before, _)| before)
}

fn serve<'a, E: Endpoint>(
    home: &'a E::Home,
    declaration: &'a Declaration,
    incoming: Incoming,
    caller: Caller,
    in_path: BTreeMap<String, String>,
    call: &'a mut Call,
) -> BoxFuture<'a, Result<Reply, ToolError>> {
    carry_out::<E>(home, declaration, incoming, caller, in_path, call).boxed()
}

/// Checks that the key may call the operation at all.
fn authorize<E: Endpoint>(caller: &Caller) -> Result<(), ToolError> {
    if E::SECTION == Section::Tools && !E::IS_FOR_VISITORS {
        caller.authorize_staff()?;
    }
    caller.authorize_reach(E::IS_FOR_VISITORS)?;
    E::SCOPE.map_or(Ok(()), |scope| caller.authorize(scope))?;
    if E::SECTION == Section::Tools { caller.authorize_tool(E::ID) } else { Ok(()) }
}

async fn carry_out<E: Endpoint>(
    home: &E::Home,
    declaration: &Declaration,
    mut incoming: Incoming,
    caller: Caller,
    mut in_path: BTreeMap<String, String>,
    call: &mut Call,
) -> Result<Reply, ToolError> {
    call.kind = E::KIND;
    authorize::<E>(&caller)?;
    let is_change = E::SCOPE == Some(Scope::Admin) && E::EFFECT.writes();
    let caller = if is_change {
        let renewed = home.renewed(caller, E::SECTION).await?;
        authorize::<E>(&renewed)?;
        renewed
    } else {
        caller
    };
    let connection = if E::About::IS_IN_PATH { in_path.remove("id") } else { None };
    let about = E::About::of(&incoming, connection.as_deref(), &caller)?;
    call.connection = E::About::connection(&about).cloned();
    let mut given = incoming.parameters(&declaration.query)?;
    given.extend(in_path);
    let parameters = E::Parameters::read(given)?;
    let form = incoming.body.empty();
    let given = std::mem::replace(&mut incoming.body, form.clone());
    let body = E::Body::read(given)?;
    let known = if E::IS_KEPT { incoming.known_tags() } else { Vec::new() };
    let request = Request { parameters, body, about, caller, incoming, call };
    let Done { status, answer, records } = E::call(home, request).await.map_err(|error| {
        // No visitor waits for an administrator's call.
        if E::SCOPE == Some(Scope::Admin) { error.to_administrator() } else { error }
    })?;
    let body = form.answer(&answer).map_err(ToolError::internal)?;
    let reply = Reply::new(status, body).about(records);
    Ok(if E::IS_KEPT { reply.kept(&known) } else { reply })
}
