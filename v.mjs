import * as yaml from 'js-yaml'; import fs from 'fs'; import {createRequire} from 'module'; const require=createRequire(import.meta.url);
const docs=yaml.loadAll(fs.readFileSync('/tmp/eks.out.yaml','utf8')).concat(yaml.loadAll(fs.readFileSync('/tmp/un.out.yaml','utf8')));
for(const d of docs){ if(d.kind==='CustomResourceDefinition')continue; const p=d.apiVersion==='v1'?'v1':d.apiVersion; let C; try{C=require('kubernetes-models/'+p+'/'+d.kind)[d.kind]}catch(e){console.log('no',p,d.kind,e.message.slice(0,80));continue}
 try{ new C(d).validate(); console.log('ok',d.kind,d.metadata.name)}catch(e){console.log('BAD',d.kind,d.metadata.name,e.message)}
 const walk=(x)=>{};
}
