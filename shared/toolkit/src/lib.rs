//! What makes a function a tool function: the Tool trait, schemas, dispatch, answers and errors.
