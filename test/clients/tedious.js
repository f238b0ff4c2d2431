// tedious, the driver of most Node programs, against the simulated SQL Server.
// usage: node tedious.js ADDRESS PORT PASSWORD; prints "ok NAME" or "not ok NAME" for each check.
'use strict';
require('./no-azure');
const assert = require('node:assert');
const { Connection, Request, TYPES, ISOLATION_LEVEL } = require('tedious');

const [server, port, password] = process.argv.slice(2);

function connect(options = {}) {
	return new Promise((resolve, reject) => {
		const connection = new Connection({
			server,
			authentication: { type: 'default', options: { userName: 'sa', password: options.password ?? password } },
			options: { serverName: 'ag-0', port: Number(port), encrypt: true, trustServerCertificate: true, database: 'master', ...options.options },
		});
		connection.on('error', () => {}); // what ends a connection is reported by the request that it ends
		connection.connect((error) => (error ? reject(error) : resolve(connection)));
	});
}

// Runs one request; `start` sends it. Resolves to its rows, each an array of values, its count and its outputs.
function run(connection, text, prepare = () => {}, start = (request) => connection.execSql(request)) {
	return new Promise((resolve, reject) => {
		const result = { rows: [], outputs: {} };
		const request = new Request(text, (error, count) => (error ? reject(error) : resolve({ ...result, count })));
		request.on('row', (columns) => result.rows.push(columns.map((column) => column.value)));
		request.on('returnValue', (name, value) => (result.outputs[name] = value));
		prepare(request);
		start(request);
	});
}
const batch = (connection, text) => run(connection, text, undefined, (request) => connection.execSqlBatch(request));

// A method with a callback as a promise: of transactions, prepared statements, resets.
const call = (connection, method, ...args) =>
	new Promise((resolve, reject) => connection[method]((error) => (error ? reject(error) : resolve()), ...args));

const samples = [
	['int', 'Int', -5],
	['bigint', 'BigInt', '9007199254740993'],
	['smallint', 'SmallInt', -300],
	['tinyint', 'TinyInt', 255],
	['bit', 'Bit', true],
	['float', 'Float', 0.1],
	['real', 'Real', 2.5],
	['decimal(10,2)', 'Decimal', -12.5, { precision: 10, scale: 2 }],
	['nvarchar(50)', 'NVarChar', 'grüße 漢字 😀'],
	['varchar(50)', 'VarChar', 'café €'],
	['nvarchar(max)', 'NVarChar', 'x'.repeat(5000)],
	['varbinary(20)', 'VarBinary', Buffer.from([0, 1, 254, 255])],
	['varbinary(max)', 'VarBinary', Buffer.alloc(9000, 7), { length: Infinity }],
	['uniqueidentifier', 'UniqueIdentifier', 'C4FADE0D-BC82-4F9E-A7A9-0123456789AB'],
	['datetime', 'DateTime', new Date('2026-11-22T10:00:00.123Z')],
	['datetime2', 'DateTime2', new Date('2026-11-22T10:00:00.456Z')],
	['date', 'Date', new Date('2026-11-22T00:00:00Z')],
];

const checks = {
	async 'a wrong password is refused with 18456'() {
		await assert.rejects(connect({ password: 'wrong' }), /Login failed for user 'sa'/);
	},

	async 'encrypted and plain connections'() {
		for (const encrypt of [true, false]) {
			const connection = await connect({ options: { encrypt } });
			assert.deepStrictEqual((await run(connection, 'SELECT 1')).rows, [[1]]);
			connection.close();
		}
	},

	async 'older versions of the protocol'() {
		for (const tdsVersion of ['7_1', '7_2', '7_3_A', '7_3_B', '7_4']) {
			const connection = await connect({ options: { tdsVersion } });
			assert.deepStrictEqual((await run(connection, "SELECT N'ü', CAST(NULL AS INT)")).rows, [['ü', null]]);
			connection.close();
		}
	},

	async 'parameters of each type, and NULL of each'() {
		const connection = await connect();
		for (const [name, type, value, options] of samples) {
			const { rows } = await run(connection, 'SELECT @value, @none', (request) => {
				request.addParameter('value', TYPES[type], value, options);
				request.addParameter('none', TYPES[type], null, options);
			});
			assert.deepStrictEqual(rows, [[value, null]], name);
		}
		connection.close();
	},

	async 'output parameters'() {
		const connection = await connect();
		const { outputs } = await run(connection, 'SET @out = @in + 1', (request) => {
			request.addParameter('in', TYPES.Int, 41);
			request.addOutputParameter('out', TYPES.Int);
		});
		assert.deepStrictEqual(outputs, { out: 42 });
		connection.close();
	},

	async 'a prepared statement, again and again'() {
		const connection = await connect();
		const values = [];
		await new Promise((resolve, reject) => {
			const request = new Request('SELECT @a * 2', (error) => {
				if (error) return reject(error);
				if (values.length < 3) return connection.execute(request, { a: values.length });
				request.userCallback = (e) => (e ? reject(e) : resolve());
				connection.unprepare(request);
			});
			request.addParameter('a', TYPES.Int);
			request.on('row', (columns) => values.push(columns[0].value));
			request.once('prepared', () => connection.execute(request, { a: 0 }));
			connection.prepare(request);
		});
		assert.deepStrictEqual(values, [0, 2, 4]);
		connection.close();
	},

	async 'rows, counts and errors of batches'() {
		const connection = await connect();
		await batch(connection, 'CREATE DATABASE tedious');
		await batch(connection, 'USE tedious');
		await batch(connection, 'CREATE TABLE t (id INT PRIMARY KEY, name NVARCHAR(MAX))');
		assert.strictEqual((await batch(connection, "INSERT INTO t VALUES (1, N'a'), (2, N'b')")).count, 2);
		assert.strictEqual((await batch(connection, "UPDATE t SET name = N'c'")).count, 2);
		await assert.rejects(batch(connection, 'INSERT INTO t VALUES (1, NULL)'), (error) => {
			assert.deepStrictEqual(
				[error.number, error.class, error.state, error.serverName, error.lineNumber],
				[2627, 14, 1, 'ag-0', 1],
			);
			return true;
		});
		assert.deepStrictEqual((await batch(connection, 'SELECT id FROM t ORDER BY id')).rows, [[1], [2]]);
		connection.close();
	},

	async 'transactions are committed and rolled back'() {
		const connection = await connect({ options: { database: 'tedious' } });
		const count = async () => (await run(connection, 'SELECT COUNT(*) FROM t')).rows[0][0];
		const before = await count();
		await call(connection, 'beginTransaction', 'first', ISOLATION_LEVEL.READ_COMMITTED);
		await run(connection, "INSERT INTO t VALUES (10, N'kept')");
		await call(connection, 'commitTransaction');
		await call(connection, 'beginTransaction');
		await run(connection, "INSERT INTO t VALUES (11, N'lost')");
		await call(connection, 'rollbackTransaction');
		assert.strictEqual(await count(), before + 1);
		connection.close();
	},

	async '10,000 rows'() {
		const connection = await connect({ options: { database: 'tedious' } });
		await batch(connection, 'CREATE TABLE many (id INT PRIMARY KEY, name NVARCHAR(40))');
		for (let at = 0; at < 10000; at += 1000) {
			const rows = Array.from({ length: 1000 }, (_, i) => `(${at + i}, N'row ${at + i}')`);
			assert.strictEqual((await batch(connection, `INSERT INTO many VALUES ${rows.join(', ')}`)).count, 1000);
		}
		const { rows, count } = await batch(connection, 'SELECT id, name FROM many ORDER BY id');
		assert.strictEqual(count, 10000);
		rows.forEach(([id, name], i) => assert.ok(id === i && name === `row ${i}`));
		connection.close();
	},

	async 'a large nvarchar(max), there and back, in small packets too'() {
		for (const packetSize of [512, 4096, 16384]) {
			const connection = await connect({ options: { packetSize } });
			const text = 'äöü😀'.repeat(200000);
			const { rows } = await run(connection, 'SELECT @text', (request) => request.addParameter('text', TYPES.NVarChar, text));
			assert.ok(rows[0][0] === text);
			connection.close();
		}
	},

	async '64 connections write at the same time'() {
		const connections = await Promise.all(Array.from({ length: 64 }, () => connect({ options: { database: 'tedious' } })));
		await batch(connections[0], 'CREATE TABLE load (writer INT, number INT)');
		await Promise.all(
			connections.map(async (connection, writer) => {
				for (let number = 0; number < 20; number++) {
					await run(connection, 'INSERT INTO load VALUES (@w, @n)', (request) => {
						request.addParameter('w', TYPES.Int, writer);
						request.addParameter('n', TYPES.Int, number);
					});
				}
			}),
		);
		const { rows } = await run(connections[0], 'SELECT COUNT(*) FROM load');
		assert.deepStrictEqual(rows, [[64 * 20]]);
		connections.forEach((connection) => connection.close());
	},

	async 'what waits is cancelled, and does not hold up others'() {
		const waiting = await connect();
		const other = await connect();
		const cancelled = assert.rejects(batch(waiting, "WAITFOR DELAY '23:00:00'"), { code: 'ECANCEL' });
		assert.deepStrictEqual((await run(other, 'SELECT 1')).rows, [[1]]);
		waiting.cancel();
		await cancelled;
		assert.deepStrictEqual((await run(waiting, 'SELECT 2')).rows, [[2]]);
		waiting.close();
		other.close();
	},

	async 'a request that is cancelled while it is being sent'() {
		const connection = await connect();
		const failed = assert.rejects(
			run(connection, 'SELECT @text', (request) => request.addParameter('text', TYPES.NVarChar, 'x'.repeat(5000000))),
			{ code: 'ECANCEL' },
		);
		connection.cancel();
		await failed;
		assert.deepStrictEqual((await run(connection, 'SELECT 2')).rows, [[2]]);
		connection.close();
	},

	async 'a connection that is reset has a new session'() {
		const connection = await connect();
		await batch(connection, 'USE tedious');
		await call(connection, 'reset');
		assert.deepStrictEqual((await run(connection, 'SELECT DB_NAME()')).rows, [['master']]);
		connection.close();
	},
};

async function main() {
	let failed = 0;
	for (const [name, check] of Object.entries(checks)) {
		let timer;
		const timeout = new Promise((_, reject) => (timer = setTimeout(reject, 60000, new Error('not within a minute'))));
		try {
			await Promise.race([check(), timeout]);
			console.log(`ok ${name}`);
		} catch (error) {
			failed++;
			console.log(`not ok ${name}`);
			console.log(error.stack);
		}
		clearTimeout(timer);
	}
	process.exit(failed === 0 ? 0 : 1);
}
main();
