//! Receipts as resources: `pleat://receipts/NAME`.

use rmcp::ErrorData;
use rmcp::model::{
    ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
};

use super::store::Store;

const SCHEME: &str = "pleat://receipts/";
const JSON: &str = "application/json";
/// More are not listed; they can be read.
const LISTED: usize = 1000;

/// The address of a receipt.
pub fn uri(name: &str) -> String {
    format!("{SCHEME}{name}")
}

/// All receipts.
pub fn list(store: &Store) -> ListResourcesResult {
    let names = store.receipts();
    let resource = |name: &String| {
        Resource::new(uri(name), name.clone())
            .with_mime_type(JSON)
            .with_description(
                "What a proof says, as canonical JSON: model id, shown values, commitments, claims",
            )
    };
    ListResourcesResult::with_all_items(names.iter().take(LISTED).map(resource).collect())
}

/// The form of their addresses.
pub fn template() -> ResourceTemplate {
    ResourceTemplate::new(format!("{SCHEME}{{name}}"), "receipt")
        .with_mime_type(JSON)
        .with_description("The receipt of a proof, by its file name")
}

/// One receipt.
pub fn read(store: &Store, asked: &str, limit: usize) -> Result<ReadResourceResult, ErrorData> {
    let none = || ErrorData::resource_not_found(format!("there is no resource {asked}"), None);
    let name = asked.strip_prefix(SCHEME).ok_or_else(none)?;
    if !store.receipts().iter().any(|receipt| receipt == name) {
        return Err(none());
    }
    let bytes = store.public(name, limit).map_err(|_| none())?;
    let text = String::from_utf8(bytes).map_err(|_| none())?;
    let contents = ResourceContents::text(text, asked).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}
