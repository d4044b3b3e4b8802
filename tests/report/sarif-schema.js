// Validates the files named on the command line; see sarif-schema.
'use strict';
const fs = require('fs');
const path = require('path');
const Ajv = require('ajv');

const main = path.dirname(require.resolve('@microsoft/jest-sarif/package.json'));
const schema = path.join(main, 'lib', 'schemas', 'sarif-2.1.0-rtm.5.json');
const ajv = new Ajv({ allErrors: true, schemaId: 'auto', unknownFormats: 'ignore' });
const text = JSON.parse(fs.readFileSync(schema, 'utf8'));
if (/draft-04/.test(text.$schema)) {
    ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-04.json'));
}
const validate = ajv.compile(text);

// A validator that lets everything pass proves nothing.
if (validate({ version: '2.1.0', runs: [{ tool: {}, results: 7 }] })) {
    console.error('sarif-schema: the schema accepts nonsense');
    process.exit(1);
}
let failed = 0;
for (const file of process.argv.slice(2)) {
    if (validate(JSON.parse(fs.readFileSync(file, 'utf8')))) {
        console.log(file + ': valid SARIF 2.1.0');
    } else {
        failed = 1;
        console.error(file + ':\n' + ajv.errorsText(validate.errors, { separator: '\n' }));
    }
}
process.exit(failed);
