// Creates one job with a client whose types openapi-typescript made, and prints the answer.
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

declare const process: { argv: string[] };

const [, , url, key] = process.argv;
const gallop = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${key}` } });
const { data, error } = await gallop.POST("/v1/videos", {
  params: { header: { "Idempotency-Key": "typescript" } },
  body: { prompt: "The cat of [Image 1] jumps.", images: ["https://example.com/cat.jpg"], metadata: { order: 17 } },
});
console.log(JSON.stringify(data ?? error));
