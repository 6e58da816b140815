// `make openapi`: the OpenAPI document on standard output. Needs no database.
import { openApiDocument } from "../api/openapi.ts";

export async function openapiCommand(): Promise<void> {
  console.log(JSON.stringify(await openApiDocument(), null, 2));
}
