// Stands in for the Azure sign-in libraries that tedious loads and these tests never call: current ones want a newer Node
// than Debian 12 has.
'use strict';
const Module = require('node:module');
const load = Module._load;
Module._load = (request, ...rest) => (request.startsWith('@azure/') ? {} : load(request, ...rest));
