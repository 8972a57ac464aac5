//! Numbers and sets in the table that many add to at once.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::{EXPIRES_AT, Expression, Item, Key, Table, condition_failed, some};
use crate::StateError;

impl Table {
    /// Adds a number to an attribute, or members to a set, of an item that need not be there. Returns
    /// the item as it is then. If an answer is lost, a number may be added twice.
    pub(crate) async fn add(
        &self,
        key: &Key,
        (attribute, value): (&str, AttributeValue),
        expires_at: AttributeValue,
    ) -> Result<Item, StateError> {
        let update = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression("ADD #attribute :value SET #expires_at = :expires_at")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_values(":value", value)
            .expression_attribute_values(":expires_at", expires_at)
            .return_values(ReturnValue::AllNew);
        let updated = update.send().await;
        let updated = updated.map_err(|error| StateError::of_sdk("UpdateItem", &error))?;
        Ok(updated.attributes.unwrap_or_default())
    }

    /// Adds a number to an attribute of an item, if the condition holds for the item. Returns the item
    /// as it is then; `None` if the condition does not hold.
    pub(crate) async fn add_if(
        &self,
        key: &Key,
        (attribute, value): (&str, AttributeValue),
        condition: Expression,
    ) -> Result<Option<Item>, StateError> {
        let update = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(key.attributes()))
            .update_expression("ADD #attribute :value")
            .condition_expression(condition.text)
            .set_expression_attribute_names(some(condition.names))
            .set_expression_attribute_values(some(condition.values))
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":value", value)
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(updated) => Ok(Some(updated.attributes.unwrap_or_default())),
            Err(error) if condition_failed(&error) => Ok(None),
            Err(error) => Err(StateError::of_sdk("UpdateItem", &error)),
        }
    }
}
