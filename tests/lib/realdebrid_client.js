// SPDX-License-Identifier: GPL-3.0-or-later
// Asks a stand-in for Real-Debrid through a client of somebody else:  node realdebrid_client.js URL TOKEN HASH INFRINGING
// Prints one line of JSON for each answer.  The package is found through NODE_PATH.
'use strict'

const RealDebridClient = require('real-debrid-api')
const [url, token, hash, infringing] = process.argv.slice(2)

function open(key) {
	const client = new RealDebridClient(key)
	client.base_url = url + '/'
	return client
}

async function say(name, asking) {
	try {
		console.log(JSON.stringify([name, (await asking) ?? null]))
	} catch (e) {
		console.log(JSON.stringify([name + ' failed', e.code ?? String(e)]))
	}
}

async function main() {
	const rd = open(token)
	await say('user', rd.user.get())
	await say('list', rd.torrents.get(0, null, 2))
	await say('both', rd.torrents.get(0, 1, 2))
	await say('past', rd.torrents.get(1000, null, 2))
	const added = await rd.torrents.addMagnet('magnet:?xt=urn:btih:' + hash)
	await say('added', added)
	const info = await rd.torrents.info(added.id)
	await say('info', info)
	await say('selected', rd.torrents.selectFiles(added.id, String(info.files[0].id)))
	await say('selected', rd.torrents.selectFiles(added.id, 'all'))
	await say('done', rd.torrents.info(added.id))
	await say('deleted', rd.torrents.delete(added.id))
	await say('deleted', rd.torrents.delete(added.id))
	await say('infringing', rd.torrents.addMagnet('magnet:?xt=urn:btih:' + infringing))
	await say('stranger', open('wrong').user.get())
}

main()
