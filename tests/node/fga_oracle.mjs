// OpenFGA's own syntax-transformer as the oracle of our parser, printer and validator.
// Reads a JSON list of questions from standard input and answers with a JSON list:
//   {dsl}              -> {json, dsl, errors}: the model, printed again, and what is wrong with it
//   {json}             -> {dsl, errors}
//   {files, version}   -> {json, dsl, errors}: the modules [{name, contents}] as one model
//   {mod}              -> {json, errors}: an fga.mod
import oracle from "@openfga/syntax-transformer"
import { readFileSync, writeSync } from "node:fs"

const { transformer, validator } = oracle

const told = (error) => (error.errors ?? [error]).map((one) => ({
    kind: one.metadata?.errorType ?? one.type ?? one.name,
    message: one.msg ?? String(one.message),
    line: one.line?.start ?? null,
    column: one.column?.start ?? null,
    file: one.file ?? null,
}))

const guarded = (work) => {
    try {
        return work()
    } catch (error) {
        return { errors: told(error) }
    }
}

const copy = (value) => JSON.parse(JSON.stringify(value))

function ofDsl(text) {
    const json = copy(transformer.transformDSLToJSONObject(text))
    const dsl = transformer.transformJSONToDSL(copy(json))
    const { errors } = guarded(() => (validator.validateDSL(text), { errors: [] }))
    return { json, dsl, errors }
}

function ofModules(files, version) {
    const json = copy(transformer.transformModuleFilesToModel(files, version))
    return { json, dsl: transformer.transformJSONToDSL(copy(json)), errors: [] }
}

function answer(asked) {
    if (asked.dsl !== undefined) return ofDsl(asked.dsl)
    if (asked.json !== undefined) return { dsl: transformer.transformJSONToDSL(asked.json), errors: [] }
    if (asked.files !== undefined) return ofModules(asked.files, asked.version)
    return { json: copy(transformer.transformModFileToJSON(asked.mod)), errors: [] }
}

const asked = JSON.parse(readFileSync(0, "utf8"))
const answers = Buffer.from(JSON.stringify(asked.map((one) => guarded(() => answer(one)))))
for (let at = 0; at < answers.length;) at += writeSync(1, answers, at)
